"""The tap's settings, as JSON Schema."""

from __future__ import annotations

import re
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from planhat_api.errors import ConfigurationError
from planhat_api.settings.table import CONNECTION_SETTINGS
from planhat_api.values.dates import day_number, day_of, moment_in, today
from planhat_api.values.invalid import InvalidValueError

if TYPE_CHECKING:
    from collections.abc import Mapping

KEPT_DAYS = 730
"""How long Planhat keeps raw points by default (B83)."""

_ISO_DATE = re.compile(r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d.*)?", re.ASCII)
_ONLY_FOR_WRITING = frozenset({"tenant_token", "analytics_url", "analytics_auth_method"})

_SHOWN = 40

_TEXTS: dict[str, Any] = {"type": ["array", "null"], "items": {"type": "string"}}

_TAP_SETTINGS: dict[str, dict[str, Any]] = {
    "typed_custom_fields": {
        "type": "boolean",
        "default": True,
        "title": "Typed custom fields",
        "description": "Type `custom` from the definitions of the custom fields; false leaves it an open object.",
    },
    "include_archived": {
        "type": "boolean",
        "default": True,
        "title": "Include archived",
        "description": "Read archived endusers and archived tasks too, which plain lists leave out.",
    },
    "nps_expiry_days": {
        "type": "integer",
        "minimum": 1,
        "default": 36500,
        "title": "NPS expiry",
        "description": "How many days back NPS answers are read. Planhat's own default is 360.",
    },
    "conversation_types": {
        **_TEXTS,
        "title": "Conversation types",
        "description": "Pass on only conversations of these types, e.g. note or ticket. Left out: all types.",
    },
    "push_down_select": {
        "type": "boolean",
        "default": False,
        "title": "Push down select",
        "description": (
            "Ask Planhat only for the fields selected in the catalog. What is emitted is the same either way; it saves "
            "bandwidth where Planhat honours `select`."
        ),
    },
    "incremental_lookback_minutes": {
        "type": "integer",
        "minimum": 0,
        "default": 60,
        "title": "Incremental lookback",
        "description": (
            "Minutes before the bookmark at which the read of a model stops, where the catalog says INCREMENTAL."
        ),
    },
    # Without a format: Meltano would take 01/02/2026 for a date, and the wrong one.
    "start_date": {
        "type": ["string", "null"],
        "title": "Start date",
        "description": (
            "First day of dimension data, e.g. 2024-01-01. Left out: 730 days ago, which is how long Planhat keeps "
            "points by default. Models are always read whole."
        ),
    },
    "end_date": {
        "type": ["string", "null"],
        "title": "End date",
        "description": "Last day of dimension data. Left out: today.",
    },
    "lookback_days": {
        "type": "integer",
        "minimum": 0,
        "default": 30,
        "title": "Lookback",
        "description": (
            "Days before the bookmark that are read again: Planhat rebuilds calculated metrics 30 days back by default."
        ),
    },
    "window_days": {
        "type": "integer",
        "minimum": 1,
        "maximum": 366,
        "default": 7,
        "title": "Window",
        "description": "Days of dimension data asked for at first; grows and shrinks with the rows a window holds.",
    },
    "dimension_ids": {
        **_TEXTS,
        "title": "Dimensions",
        "description": "Read only dimension data of these dimensions. Left out: all.",
    },
    "company_ids": {
        **_TEXTS,
        "title": "Companies",
        "description": "Read only dimension data of the companies with these `_id`s. Left out: all.",
    },
    "partition_by": {
        "type": "string",
        "enum": ["none", "dimension"],
        "default": "none",
        "title": "Partition by",
        "description": (
            "`dimension` keeps a bookmark of dimension data for each of `dimension_ids`, so that one more costs its "
            "own history alone; `none` keeps one for all."
        ),
    },
    "emit_activate_version_messages": {
        "type": "boolean",
        "default": False,
        "title": "Emit ACTIVATE_VERSION",
        "description": (
            "After a complete read of a stream, tell the loader that rows it did not see are gone. Sent only when the "
            "whole stream was read without a fault."
        ),
    },
}

_BY_CATALOG = (
    "has no effect: the catalog says which streams are incremental, by the replication method INCREMENTAL. In Meltano: "
    'metadata: {"*": {replication-method: INCREMENTAL}}'
)

NO_LONGER: Mapping[str, str] = {
    "incremental": _BY_CATALOG,
    "incremental_streams": _BY_CATALOG,
    "content_hash_file": (
        "has no effect any more: rows whose only change is their timestamp are passed on. Take it out of the settings, "
        "and clear the state once, for the file may have kept rows from the loader"
    ),
}
"""Settings that one could look for, and what to do instead."""

CONFIG_SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["api_token"],
    "properties": {
        **{name: schema for name, schema in CONNECTION_SETTINGS.items() if name not in _ONLY_FOR_WRITING},
        **_TAP_SETTINGS,
    },
}

ADVICE: Mapping[str, str] = {
    "partition_by": "leave it out to keep one bookmark for all; company_ids narrows the read to some companies",
}
"""What to do about a value that a setting does not take, where that is not plain from the values it takes."""


def check_settings(config: Mapping[str, Any]) -> None:
    """Check what a schema cannot say.

    Raises:
        ConfigurationError: A value cannot work; the text names the setting and what would.
    """
    _check_days(config)
    if config["partition_by"] == "dimension" and not texts_in(config, "dimension_ids"):
        raise ConfigurationError(
            setting="partition_by", message="dimension needs the setting dimension_ids, a list of them"
        )


def _check_days(config: Mapping[str, Any]) -> None:
    """Check that there are days between the first and the last one that is asked for."""
    first, last = first_day(config), last_day(config)
    if first <= last:
        return
    if first > today():
        right = f"is in the future: {day_of(first)}; today is {day_of(today())} (UTC)"
        raise ConfigurationError(setting="start_date", message=right)
    start = "start_date" if config.get("start_date") else "the first day that is read when there is no start_date"
    message = f"{day_of(last)} lies before {start}, {day_of(first)}: there are no days to read"
    raise ConfigurationError(setting="end_date", message=message)


def first_day(config: Mapping[str, Any]) -> int:
    """The first day of dimension data that the settings ask for."""
    return day_in(config, "start_date", default=today() - KEPT_DAYS)


def last_day(config: Mapping[str, Any]) -> int:
    """The last day of dimension data that the settings ask for; never later than today."""
    return min(day_in(config, "end_date", default=today()), today())


def texts_in(config: Mapping[str, Any], name: str) -> list[str]:
    """A list among the settings. A variable of the environment that is set to nothing comes as a list of one blank."""
    return [text for text in config.get(name) or () if text.strip()]


def day_in(config: Mapping[str, Any], name: str, *, default: int) -> int:
    """A date among the settings as days since 1970-01-01; of a moment, the day it shows.

    Raises:
        ConfigurationError: It is no date.
    """
    text = config.get(name)
    if not text:
        return default
    with suppress(InvalidValueError):
        if _ISO_DATE.fullmatch(text) and (moment := moment_in(text.strip())):
            return day_number(moment.date())
    raise ConfigurationError(
        setting=name, message=f"{text[:_SHOWN]!r} is not a date of the form YYYY-MM-DD, such as 2024-01-31"
    )
