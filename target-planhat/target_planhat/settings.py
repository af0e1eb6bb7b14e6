"""The settings of the target."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timezone
from typing import TYPE_CHECKING, Annotated, Any, Literal
from zoneinfo import ZoneInfo

from msgspec import Meta, Struct
from msgspec.structs import replace

from planhat_api.bulk.upsert import MOST_ROWS
from planhat_api.errors import ConfigurationError
from planhat_api.settings.paths import path_in
from planhat_api.settings.table import CONNECTION_SETTINGS
from planhat_api.settings.typed import checked, properties_of
from target_planhat.errors import SettingsError
from target_planhat.stream_settings import BLOCK, StreamSettings, settings_of_stream

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import tzinfo

    from target_planhat.stream_settings import ExistingPoints

__all__ = ["NO_LONGER", "SETTINGS", "AllowedRejects", "StreamSettings", "TargetSettings", "with_words"]

_PATHS = ("rejects_dir", "receipts_dir", "plan_file", "ledger_dir")
_GUARDS = ("max_creates", "max_updates", "max_changed_percent")
_ALLOWED_REJECTS = re.compile(r"\s*([0-9]{1,18})\s*(%?)\s*")
_ALL = 100
_Count = Annotated[int, Meta(ge=0)]
_Percent = Annotated[int, Meta(ge=0, le=_ALL)]


@dataclass(frozen=True)
class AllowedRejects:
    """How many rows may be rejected: a number or a percentage. None means that there is no limit of this kind."""

    rows: int | None = None
    percent: int | None = None

    @classmethod
    def of(cls, setting: float | str) -> AllowedRejects:
        """Read the setting `max_rejects`.

        Raises:
            ConfigurationError: The value is neither a whole number nor a percentage.
        """
        text = str(int(setting)) if isinstance(setting, float) and setting.is_integer() else str(setting)
        found = _ALLOWED_REJECTS.fullmatch(text)
        if found is None or (found[2] and int(found[1]) > _ALL):
            message = "must be a whole number such as 100, or a share of all rows from 0% to 100%, such as 5%"
            raise ConfigurationError(setting="max_rejects", message=message)
        number = int(found[1])
        if found[2] and number:
            return cls(percent=number if number < _ALL else None)
        return cls(rows=number)


class TargetSettings(Struct, frozen=True, kw_only=True):
    """The settings of the target, without those of the connection."""

    streams: Annotated[
        dict[str, Annotated[dict[str, Any], Meta(extra_json_schema={"properties": BLOCK})]],
        Meta(
            description="One block for each stream for which the defaults do not fit. It may hold "
            f"{', '.join(StreamSettings.__struct_fields__)}. See docs/mapping.md."
        ),
    ] = {}
    write: Annotated[
        Literal["all", "changes", "nothing"],
        Meta(
            title="What is written",
            description="`changes` looks at what Planhat holds and sends only rows and fields that differ. `all` sends "
            "every row without a look. `nothing` sends nothing and shows what `changes` would do: a plan.",
        ),
    ] = "changes"
    look_max_age: Annotated[
        int,
        Meta(
            ge=1,
            title="Age of a look",
            description="Seconds after which a model is read again before the next batch is compared with it.",
        ),
    ] = 600
    max_creates: Annotated[
        _Count | None,
        Meta(title="Creates allowed", description="A run that would create more records ends before it does."),
    ] = None
    max_updates: Annotated[
        _Count | None,
        Meta(title="Updates allowed", description="A run that would change more records ends before it does."),
    ] = None
    max_changed_percent: Annotated[
        _Percent | None,
        Meta(
            title="Share of changes allowed",
            description="A run that would change a larger share of the records that Planhat holds of a model ends "
            "before it does.",
        ),
    ] = None
    plan_file: Annotated[
        str | None,
        Meta(
            title="File of the plan",
            description="With write: nothing, the plan is written to this file. `target-planhat < file` then does "
            "exactly what it says.",
        ),
    ] = None
    plan_max_age: Annotated[
        int,
        Meta(ge=1, title="Age of a plan", description="Seconds after which a plan is no longer carried out."),
    ] = 86_400
    change_exit_codes: Annotated[
        bool,
        Meta(
            title="Exit codes for changes",
            description="End with 8 if a plan contains changes, and with 9 if rows changed in Planhat since they were "
            "planned. Otherwise these runs end with 0.",
        ),
    ] = False
    load_method: Annotated[
        Literal["upsert", "update", "insert"],
        Meta(
            description="`upsert` updates and creates rows, `update` skips rows that are not in Planhat, `insert` "
            "skips rows that are."
        ),
    ] = "upsert"
    unknown_columns: Annotated[
        Literal["refuse", "leave_out", "send"],
        Meta(
            description="What to do with a column that matches no field. `refuse` ends the run before a row of its "
            "stream is sent, `leave_out` logs the column and goes on without it, `send` sends it as it is."
        ),
    ] = "refuse"
    nulls: Annotated[
        Literal["leave_out", "clear"],
        Meta(description="What a null does. `leave_out` keeps the value in Planhat, `clear` empties the field."),
    ] = "leave_out"
    custom_field_definitions: Annotated[
        bool,
        Meta(
            description="Read the definitions of the custom fields and check names and values against them. Planhat "
            "stores a value under a wrong name, where nobody sees it."
        ),
    ] = True
    validate_records: Annotated[
        bool, Meta(description="Check each record against the schema of its stream and reject it if it does not fit.")
    ] = True
    batch_size_rows: Annotated[
        int, Meta(ge=1, le=MOST_ROWS, title="Rows per bulk call", description="Rows in one bulk upsert.")
    ] = MOST_ROWS
    checkpoint_seconds: Annotated[
        int,
        Meta(
            ge=1,
            title="Checkpoint interval",
            description="Seconds after which all rows that wait in batches are sent and the STATE is written.",
        ),
    ] = 30
    # If integer were among the types, the SDK would read an environment variable as an integer.
    max_rejects: Annotated[
        str | float,
        Meta(
            title="Rejects allowed",
            description="How many rows may be rejected: a number such as `100`, or a share of all rows such as `5%`, "
            "which is looked at from 100 rows on and at the end. One more ends the run after its batch. More than 0 "
            "needs rejects_dir; `100%` sets no limit.",
        ),
    ] = 0
    rejects_dir: Annotated[
        str | None,
        Meta(
            title="Folder for rejects",
            description="A run that rejects rows writes them to a new Singer file in this folder. "
            "`target-planhat < file` sends them again.",
        ),
    ] = None
    receipts_dir: Annotated[
        str | None,
        Meta(
            title="Folder for receipts",
            description="Each run writes a new file to this folder. It tells the outcome of each row, and its `_id` "
            "where that is known, in a line of JSON.",
        ),
    ] = None
    receipts_values: Annotated[
        bool,
        Meta(
            title="Values in receipts",
            description="Each receipt of a changed record also tells the values before and after. They are personal "
            "data.",
        ),
    ] = False
    on_uncertain_delivery: Annotated[
        Literal["verify", "set_aside", "resend"],
        Meta(
            description="What to do with metrics and activities when it is not known whether a call that failed has "
            "delivered them. `verify` reads metrics back and sends those that did not arrive; what cannot be told, and "
            "activities, are rejected. `set_aside` rejects all of them; `resend` sends them again, and they may count "
            "twice."
        ),
    ] = "verify"
    check_metric_targets: Annotated[
        Literal["auto", "true", "false"],
        Meta(
            description="Reject points of records that do not exist. Planhat drops such points without an error. "
            "`auto` does this for companies, which takes one call, and for all records if the days of points are "
            "looked at, because then their external ids are read anyway."
        ),
    ] = "auto"
    verify_landing: Annotated[
        Literal["none", "all"],
        Meta(
            title="Landing check",
            description="With `all`, the run reads back after sending, and waits until each metric point and each new "
            "enduser and ticket is in Planhat or must be. What is missing becomes a reject.",
        ),
    ] = "none"
    landing_seconds: Annotated[
        int,
        Meta(
            ge=0,
            title="Time to land",
            description="Seconds after which a point that Planhat accepted can certainly be read. Planhat needs "
            "minutes.",
        ),
    ] = 900
    metric_time_zone: Annotated[
        str | None,
        Meta(
            title="Time zone of metrics",
            description="Time zone by whose clock Planhat ends the day of a metric, such as UTC or America/New_York. "
            "If it is left out, UTC is assumed, and a point whose value may show on the day beside it is not called "
            "missing.",
        ),
    ] = None
    ledger_dir: Annotated[
        str | None,
        Meta(
            title="Folder of the delivery ledger",
            description="The target notes here which metrics and activities it sent since the last STATE, so that the "
            "next run does not send them again if this one ends early. If it is left out, the user's cache folder is "
            "used. With an empty text, nothing is noted.",
        ),
    ] = None
    pipeline: Annotated[
        str | None,
        Meta(
            description="Tells pipelines apart that write to one tenant with equal settings, for the delivery ledger."
        ),
    ] = None
    hold_rows: Annotated[
        int,
        Meta(
            ge=0,
            title="Rows held back",
            description="How many rows whose company does not exist yet wait for the companies of the run, and are "
            "then sent once more. With 0, such rows are rejected at once.",
        ),
    ] = 10_000
    hard_delete: Annotated[
        bool,
        Meta(
            title="Delete",
            description="Delete the rows that the column `_sdc_deleted_at`, or the `deleted_column` of their stream, "
            "marks as deleted. With false, such rows are skipped.",
        ),
    ] = False
    max_deletes: Annotated[
        int,
        Meta(
            ge=0,
            title="Deletes allowed",
            description="With hard_delete: a run deletes at most this many rows and rejects further ones.",
        ),
    ] = 100

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> TargetSettings:
        """Read the target's own settings.

        Raises:
            SettingsError: Settings contradict each other, or the block of a stream has an unknown setting.
            ConfigurationError: A value is wrong, or a home folder is not known.
        """
        given = checked(cls, config)
        paths = {name: str(path_in(name, path)) for name in _PATHS if (path := getattr(given, name))}
        settings = replace(given, **paths)
        settings.check_time_zone()
        if settings.allowed_rejects.rows != 0 and not settings.rejects_dir:
            msg = "max_rejects above 0 needs rejects_dir: rejected rows would be lost"
            raise SettingsError(msg)
        blocks = {stream: settings.of_stream(stream) for stream in settings.streams}
        if settings.write == "all":
            settings.check_that_nothing_needs_a_look(blocks)
        return settings

    def check_that_nothing_needs_a_look(self, blocks: Mapping[str, StreamSettings]) -> None:
        """Check that no setting needs to know what Planhat holds, because with `write: all` nobody looks.

        Raises:
            SettingsError: A setting needs it.
        """
        names = [name for name in _GUARDS if getattr(self, name) is not None]
        names += [f"streams.{stream}.ownership" for stream, block in blocks.items() if block.ownership]
        names += [
            f"streams.{stream}.existing_points: {block.existing_points}"
            for stream, block in blocks.items()
            if block.existing_points not in {None, "add"}
        ]
        names += ["receipts_values"] if self.receipts_values else []
        if names:
            msg = f"{names[0]} needs write: changes. With write: all, the target does not look at what Planhat holds"
            raise SettingsError(msg)

    def check_time_zone(self) -> None:
        """Check that there is such a time zone.

        Raises:
            ConfigurationError: There is none.
        """
        try:
            self.zone_of_metrics  # noqa: B018 # it reads the zone
        except (ValueError, OSError, LookupError):
            message = "must be the name of a time zone, such as UTC or America/New_York"
            raise ConfigurationError(setting="metric_time_zone", message=message) from None

    @property
    def zone_of_metrics(self) -> tzinfo | None:
        """The zone by whose clock days of metrics end; None if it is not known."""
        if not self.metric_time_zone:
            return None
        return timezone.utc if self.metric_time_zone == "UTC" else ZoneInfo(self.metric_time_zone)

    @property
    def checks_targets(self) -> bool | Literal["auto"]:
        """Whether the records of points are checked, or only where it costs few calls."""
        return "auto" if self.check_metric_targets == "auto" else self.check_metric_targets == "true"

    @property
    def default_for_points(self) -> ExistingPoints:
        """What is done with metric points whose day holds a value, if the block of their stream does not say it."""
        return "add" if self.write == "all" else "keep"

    @property
    def has_guards(self) -> bool:
        """Whether a guard limits the changes of the run."""
        return any(getattr(self, name) is not None for name in _GUARDS)

    @property
    def allowed_rejects(self) -> AllowedRejects:
        """How many rows may be rejected."""
        return AllowedRejects.of(self.max_rejects)

    def of_stream(self, stream: str) -> StreamSettings:
        """The settings of one stream. Its block has the exact name of the stream."""
        general = {"nulls": self.nulls, "unknown_columns": self.unknown_columns, "mode": self.load_method}
        return settings_of_stream(stream, self.streams.get(stream, {}), general)


def with_words(config: Mapping[str, Any]) -> dict[str, Any]:
    """The settings with words in place of true and false where other words are possible too.

    If the type of a setting were text or boolean, the SDK would read each word in its environment variable as false.
    """
    name = "check_metric_targets"
    words = {name: str(config[name]).lower()} if isinstance(config.get(name), bool) else {}
    return {**config, **words}


SETTINGS: dict[str, Any] = {
    "type": "object",
    "properties": {**CONNECTION_SETTINGS, **properties_of(TargetSettings)},
    "required": ["api_token"],
}
"""JSON Schema of the settings."""

_CONSTANT = "has no effect any more, take it out: the target cuts calls by the limits of Planhat"

NO_LONGER: Mapping[str, str] = {
    "check_custom_fields": "has no effect any more: set custom_field_definitions in its place",
    "batch_size_bytes": _CONSTANT,
    "metrics_batch_size_rows": _CONSTANT,
    "on_reject": (
        "has no effect any more: set max_rejects to 100% for what `continue` was, and leave it out for what `fail` was"
    ),
    "max_reject_percent": "has no effect any more: set max_rejects to a share such as 5%",
}
"""Settings that no longer exist, and what to do instead, as the rest of a sentence about them."""
