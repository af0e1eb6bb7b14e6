"""Days as Planhat counts them: whole days since 1970-01-01 (B41)."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone

__all__ = ["day_from_date", "day_from_iso", "iso_from_datetime", "iso_from_day"]

_EPOCH = date(1970, 1, 1)


def day_from_date(day: date) -> int:
    """Days since 1970-01-01. A datetime with a zone is taken in UTC."""
    if isinstance(day, datetime):
        day = (day.astimezone(timezone.utc) if day.tzinfo else day).date()
    return (day - _EPOCH).days


def day_from_iso(text: str) -> int:
    """Days since 1970-01-01 of a date (``2024-05-14``) or of a moment, which is taken in UTC.

    Raises:
        ValueError: The text is neither.
    """
    # Python 3.10 reads neither Z nor +0000, and Planhat writes both (B40).
    clean = text.strip()
    if clean[-1:] in {"Z", "z"}:
        clean = clean[:-1] + "+00:00"
    elif len(clean) > len("2024-05-14T09:30") and clean[-5:-4] in {"+", "-"} and clean[-4:].isdigit():
        clean = f"{clean[:-2]}:{clean[-2:]}"
    return day_from_date(datetime.fromisoformat(clean))


def iso_from_day(day: float) -> str:
    """Midnight UTC of a day, the way Planhat writes moments: ``2024-05-14T00:00:00.000Z``."""
    return f"{(_EPOCH + timedelta(days=int(day))).isoformat()}T00:00:00.000Z"


def iso_from_datetime(moment: datetime) -> str:
    """A moment the way Planhat writes it (B40). Without a zone it is taken as UTC."""
    utc = moment.astimezone(timezone.utc) if moment.tzinfo else moment
    return f"{utc.replace(tzinfo=None).isoformat(timespec='milliseconds')}Z"
