"""Reads the setting that names the store in which processes share the quota."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

from planhat_api.errors import ConfigurationError
from planhat_api.settings.paths import path_in

__all__ = ["REDIS_SCHEMES", "address_of", "secrets_of", "shown"]

REDIS_SCHEMES = frozenset({"redis", "rediss", "valkey", "valkeys"})
_SCHEMES = REDIS_SCHEMES | {"postgresql", "postgres"}
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):(.*)", re.DOTALL)
# A server whose scheme was forgotten. As a path, it would be a file, whose name may hold a password.
_NO_SCHEME = re.compile(r"(?![A-Za-z]:[/\\])[^/\\]*:(?!//)(\d+(/.*)?|.*@.*)", re.DOTALL)
_RIGHT = (
    "write a path, redis://host:6379/0 (or rediss, valkey, valkeys), or postgresql://user:password@host:5432/database, "
    "with %2F for a / in the password, %40 for @, %23 for #, %3F for ?"
)


def address_of(text: str) -> Path | str:
    """The path of a file, or the URL of a server with its scheme in small letters.

    Raises:
        ConfigurationError: It is neither of them. The message does not repeat the text, which may hold a password.
    """
    if _NO_SCHEME.fullmatch(text):
        raise _no_address()
    found = _SCHEME.match(text)
    # On Windows a path may begin with a letter and a colon, which is shorter than any scheme.
    if found is None or not (found[2].startswith("//") or found[1].lower() in _SCHEMES):
        return path_in("quota_store", text)
    scheme = found[1].lower()
    try:
        parts = urlsplit(text)
        _ = parts.port
        # An @ after the server was meant to stand before it: what is taken for the server is a part of the password.
        ends_early = "@" in parts.path + parts.query.partition("=")[0] + parts.fragment
        is_complete = bool(parts.hostname) or (scheme not in REDIS_SCHEMES and "host" in parse_qs(parts.query))
    except ValueError:
        ends_early, is_complete = True, False
    if scheme not in _SCHEMES or not found[2].startswith("//") or ends_early or not is_complete:
        raise _no_address()
    return f"{scheme}:{found[2]}"


def shown(address: Path | str) -> str:
    """The address for messages: a path, or host, port and scheme of a URL."""
    if isinstance(address, Path):
        return str(address)
    parts = urlsplit(address)
    # A server of PostgreSQL may be named after the question mark, for example by the folder of its socket.
    host = parts.hostname or ",".join(parse_qs(parts.query).get("host", ["?"]))
    port = f":{parts.port}" if parts.port else ""
    return f"{host}{port} ({parts.scheme})"


def secrets_of(address: Path | str | None) -> list[str]:
    """What must not stand in any text: the URL, and its password as it is and as it is written in the URL."""
    if not isinstance(address, str):
        return []
    parts = urlsplit(address)
    found = [address]
    if parts.password:
        found += [parts.password, unquote(parts.password)]
    for name, _, value in (pair.partition("=") for pair in parts.query.split("&")):
        if "password" in name.lower():
            found += [value, unquote(value)]
    return found


def _no_address() -> ConfigurationError:
    return ConfigurationError(setting="quota_store", message=f"is no address of a store; {_RIGHT}")
