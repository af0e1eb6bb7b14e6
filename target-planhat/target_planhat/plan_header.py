"""The header of a plan: what it was made with, and whether it may still be carried out."""

from __future__ import annotations

import hashlib
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

import msgspec

from target_planhat.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from planhat_api import Connection

__all__ = ["PLAN_STREAM", "PlanHeader", "check_header", "sealed", "settings_digests", "tenant_fingerprint"]

PLAN_STREAM = "planhat_plan"
"""Name of the first stream of a plan, whose only record is the header."""
_FORM = 1
_DIGITS = 16
_CLOCKS_DIFFER = 300
"""Seconds by which the clocks of two machines may differ."""
_DECIDING = (
    "custom_field_definitions",
    "flattening_enabled",
    "flattening_max_depth",
    "hard_delete",
    "load_method",
    "nulls",
    "stream_maps",
    "streams",
    "unknown_columns",
)
"""The settings that decide what is written. Others may differ between the plan and the run that carries it out."""


class PlanHeader(msgspec.Struct, frozen=True):
    """The header of a plan.

    Attributes:
        form: Number of the form of the file.
        made_at: When the plan was made, ISO 8601 in UTC.
        tenant: Tells tenants apart; contains no secret.
        settings: A digest of each setting that decides what is written.
        counts: Rows of each stream by what is done with them.
        digest: SHA-256 of all bytes after the line of the header, and of the header without its time and this digest.
    """

    form: int
    made_at: str
    tenant: str
    settings: dict[str, str]
    counts: dict[str, dict[str, int]]
    digest: str

    @classmethod
    def now(cls, tenant: str, settings: dict[str, str], counts: dict[str, dict[str, int]], content: str) -> PlanHeader:
        """The header of a plan that is made now. ``content`` is the SHA-256 of all lines after the header."""
        made_at = datetime.now(timezone.utc).isoformat(timespec="seconds")
        return sealed(cls(_FORM, made_at, tenant, settings, counts, ""), content)


def sealed(header: PlanHeader, content: str) -> PlanHeader:
    """The header with the digest of itself and of this content."""
    # Without the time: equal inputs give plans that differ in their time only.
    rest = msgspec.structs.replace(header, made_at="", digest=content)
    digest = hashlib.sha256(msgspec.json.encode(rest, order="deterministic")).hexdigest()
    return msgspec.structs.replace(header, digest=digest)


def settings_digests(config: Mapping[str, Any]) -> dict[str, str]:
    """A digest of each setting that decides what is written. Settings without a value are left out."""
    given = {name: config[name] for name in _DECIDING if config.get(name) not in (None, "", {}, [])}
    return {name: _digest(msgspec.json.encode(value, order="deterministic")) for name, value in given.items()}


def tenant_fingerprint(connection: Connection) -> str:
    """Tells tenants apart by the host and the token. The token cannot be found from it."""
    return _digest(f"{connection.base_url}\0{connection.api_token}".encode())


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:_DIGITS]


def check_header(header: PlanHeader, tenant: str, settings: Mapping[str, str], most_seconds: float) -> None:
    """Check that a plan may be carried out by this run.

    Args:
        header: The header of the plan.
        tenant: The fingerprint of the tenant of this run.
        settings: The digests of the settings of this run.
        most_seconds: Age of a plan at most.

    Raises:
        SettingsError: It may not.
    """
    if header.form != _FORM:
        reason = f"its form {header.form} is not known to this version of the target"
    elif header.tenant != tenant:
        reason = "it was made for another tenant or with another token"
    elif changed := sorted(
        name for name in {*header.settings, *settings} if header.settings.get(name) != settings.get(name)
    ):
        reason = f"it was made with other settings: {', '.join(changed)}"
    else:
        age = _age(header.made_at)
        if age is not None and -_CLOCKS_DIFFER <= age <= most_seconds:
            return
        reason = "the time in its header is not one in the past"
        if age is not None and age > most_seconds:
            reason = f"it was made {age:.0f} seconds ago, and plan_max_age is {most_seconds:.0f} seconds"
    msg = f"the plan is not carried out: {reason}. Make a new plan. Nothing was sent"
    raise SettingsError(msg)


def _age(made_at: str) -> float | None:
    """Seconds since a time; None if it is not a time with a zone."""
    try:
        return (datetime.now(timezone.utc) - datetime.fromisoformat(made_at)).total_seconds()
    except (ValueError, TypeError):
        return None
