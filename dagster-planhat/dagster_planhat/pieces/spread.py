"""Spreads the schedules of many tenants over their hour."""

from __future__ import annotations

import hashlib

__all__ = ["cron_of"]

_HOUR = 60


def cron_of(cron: str, tenant: str) -> str:
    """The cron schedule of one tenant.

    A schedule with ``H`` as its minute gets a minute that follows from the name of the tenant: the same on every
    machine and after every restart. Any other schedule stays as it is.

    Raises:
        ValueError: The schedule has not five parts.
    """
    parts = cron.split()
    if len(parts) != len(("minute", "hour", "day", "month", "weekday")):
        message = f"{cron!r} is not a cron schedule of five parts, such as 'H * * * *'"
        raise ValueError(message)
    if parts[0] != "H":
        return cron
    digest = hashlib.sha256(tenant.encode()).digest()
    return " ".join([str(int.from_bytes(digest[:4], "big") % _HOUR), *parts[1:]])
