"""The settings of the tap."""

from __future__ import annotations

import re
from contextlib import suppress
from typing import TYPE_CHECKING, Annotated, Any, Literal

from msgspec import Meta, Struct

from planhat_api.errors import ConfigurationError
from planhat_api.settings.table import CONNECTION_SETTINGS
from planhat_api.settings.typed import properties_of
from planhat_api.values.dates import day_number, day_of, moment_in, today
from planhat_api.values.invalid import InvalidValueError

if TYPE_CHECKING:
    from collections.abc import Mapping

KEPT_DAYS = 730
"""How long Planhat keeps raw points by default (B83)."""

_ISO_DATE = re.compile(r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d.*)?", re.ASCII)
_ONLY_FOR_WRITING = frozenset({"tenant_token", "analytics_url", "analytics_auth_method"})

_SHOWN = 40


class TapSettings(Struct, frozen=True, kw_only=True):
    """The settings that the tap has beside those of the connection."""

    custom_field_definitions: Annotated[
        bool,
        Meta(
            description="Read the definitions of the custom fields and type `custom` by them. With false, `custom` is "
            "an open object."
        ),
    ] = True
    include_archived: Annotated[
        bool,
        Meta(description="Also read archived endusers and archived tasks, which the plain lists of Planhat leave out."),
    ] = True
    nps_expiry_days: Annotated[
        int,
        Meta(
            ge=1,
            title="NPS expiry",
            description="Days before today whose NPS answers are read. Planhat's own default is 360.",
        ),
    ] = 36500
    conversation_types: Annotated[
        list[str] | None,
        Meta(
            description="Emit only conversations of these types, e.g. note or ticket. If it is left out, "
            "all are emitted."
        ),
    ] = None
    push_down_select: Annotated[
        bool,
        Meta(
            description="Ask Planhat only for the fields that the catalog selects. The records are the same either "
            "way; it saves bandwidth where Planhat honours `select`."
        ),
    ] = False
    incremental_lookback_minutes: Annotated[
        int,
        Meta(
            ge=0,
            title="Incremental lookback",
            description="Where the catalog says INCREMENTAL, a model is read back to this many minutes before its "
            "bookmark.",
        ),
    ] = 60
    full_read_days: Annotated[
        int,
        Meta(
            ge=0,
            title="Full read",
            description="A run may save calls by what the state of earlier runs knows: where the rows of a list end, "
            "and with INCREMENTAL which rows did not change. After this many days a run takes nothing of it as known. "
            "With 0, no run does.",
        ),
    ] = 7
    # Without a format: Meltano would take 01/02/2026 for a date, and the wrong one.
    start_date: Annotated[
        str | None,
        Meta(
            description="First day of dimension data, e.g. 2024-01-01. If it is left out, 730 days before "
            "today, because Planhat keeps points that long by default. It does not limit the models."
        ),
    ] = None
    end_date: Annotated[str | None, Meta(description="Last day of dimension data. If it is left out, it is today.")] = (
        None
    )
    lookback_days: Annotated[
        int,
        Meta(
            ge=0,
            title="Lookback",
            description="Days of dimension data before the bookmark that are read again, because Planhat rebuilds "
            "calculated metrics 30 days back by default.",
        ),
    ] = 30
    dimension_ids: Annotated[
        list[str] | None,
        Meta(
            title="Dimensions",
            description="Read only dimension data of these dimensions. If it is left out, all are read.",
        ),
    ] = None
    company_ids: Annotated[
        list[str] | None,
        Meta(
            title="Companies",
            description="Read only dimension data of the companies with these `_id`s. If it is left out, all are read.",
        ),
    ] = None
    partition_by: Annotated[
        Literal["none", "dimension"],
        Meta(
            description="`none` keeps one bookmark for all dimension data. `dimension` keeps one for each of "
            "`dimension_ids`, so that only the history of a dimension that is added is read."
        ),
    ] = "none"
    emit_activate_version_messages: Annotated[
        bool,
        Meta(
            title="Emit ACTIVATE_VERSION",
            description="After a stream was read completely and without a fault, tell the loader that all other rows "
            "of it are gone.",
        ),
    ] = False


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
    "typed_custom_fields": "has no effect any more: set custom_field_definitions in its place",
    "window_days": "has no effect any more, take it out: the number of days in a window follows the rows they hold",
}
"""Settings that one could look for, and what to do instead."""

CONFIG_SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["api_token"],
    "properties": {
        **{name: schema for name, schema in CONNECTION_SETTINGS.items() if name not in _ONLY_FOR_WRITING},
        **properties_of(TapSettings),
    },
}

ADVICE: Mapping[str, str] = {
    "partition_by": "leave it out to keep one bookmark for all; company_ids narrows the read to some companies"
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
