"""Dimension ids as partition keys, readable where the id is usual."""

from __future__ import annotations

import re

__all__ = ["dimension_of", "key_of"]

# Dagster refuses "..." and some control characters in a key, and keys with "|", "[", "]" and "," beside other
# dimensions. Everything but these signs is written as its bytes. A dot after a dot is written so too.
_PLAIN = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789 _-:.@/+")
_ENCODED = re.compile(rb"%([0-9A-F]{2})")
_EMPTY = "%"


def key_of(dimension: str) -> str:
    """The partition key of a dimension.

    ``logins`` stays ``logins``. Unusual signs become ``%`` with two digits for each byte, as in addresses of the web.
    """
    if not dimension:
        return _EMPTY
    # A blank at the end would get lost where people type a key.
    last = len(dimension) - 1
    return "".join(
        sign
        if sign in _PLAIN
        and not (sign == "." and dimension[at - 1 : at] == ".")
        and not (sign == " " and at in {0, last})
        else _encoded(sign)
        for at, sign in enumerate(dimension)
    )


def _encoded(sign: str) -> str:
    return "".join(f"%{byte:02X}" for byte in sign.encode("utf-8", "surrogatepass"))


def dimension_of(key: str) -> str:
    """The dimension of a partition key.

    Raises:
        ValueError: ``key_of`` makes no such key.
    """
    if key == _EMPTY:
        return ""
    plain = _ENCODED.sub(lambda found: bytes.fromhex(found[1].decode()), key.encode())
    dimension = plain.decode("utf-8", "surrogatepass")
    if key_of(dimension) != key:
        message = f"{key!r} is not the partition key of a dimension"
        raise ValueError(message)
    return dimension
