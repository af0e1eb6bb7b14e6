"""The settings of one stream: those in its block, and the general settings for all others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from msgspec import Meta, Struct

from planhat_api.plugin.name_suggestions import closest_name
from planhat_api.settings.typed import checked, properties_of
from target_planhat.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

__all__ = ["BLOCK", "CombineRule", "ExistingPoints", "Ownership", "StreamSettings", "settings_of_stream"]


ExistingPoints = Literal["add", "keep", "replace"]
"""What is done with a metric point whose day holds a value already."""

CombineRule = Literal["sum", "last", "min", "max", "average"]
"""How a metric combines the values of a day (B82)."""

Ownership = Literal["always", "if_empty", "on_create"]
"""When a field of an existing record is written."""


class StreamSettings(Struct, frozen=True, kw_only=True):
    """The settings of one stream."""

    model: Annotated[str | None, Meta(description="Stream or model of Planhat that the rows go to.")] = None
    key: Annotated[
        str | None,
        Meta(description="Field that rows are matched on. Keys that Planhat would try before it are not sent."),
    ] = None
    columns: Annotated[
        # A column with a dot in its name comes as an object.
        dict[str, Annotated[str | None, Meta(extra_json_schema={"type": ["string", "null", "object"]})]],
        Meta(
            description="Column to field, `custom.Name` for a custom field. A column with null is left out, as with "
            "`ignore`."
        ),
    ] = {}
    ignore: Annotated[tuple[str, ...], Meta(description="Columns that are left out.")] = ()
    constants: Annotated[dict[str, Any], Meta(description="Field to the value that every row gets.")] = {}
    points: Annotated[
        # A column with a dot in its name comes as an object.
        Literal["numeric"]
        | dict[str, Annotated[str | dict[str, Any], Meta(extra_json_schema={"type": ["string", "object"]})]],
        Meta(
            description="Streams of metrics: column to the dimension id of its values, where a row has one column for "
            "each metric. Or `numeric`: each column of numbers without a field is the metric of its name."
        ),
    ] = {}
    custom_prefix: Annotated[
        str | None, Meta(description="A column that starts with this holds a custom field of the remaining name.")
    ] = None
    nulls: Annotated[
        Literal["leave_out", "clear"] | tuple[str, ...],
        Meta(description="What a null does: leave_out, or clear the field; or a list of the fields that it clears."),
    ] = "leave_out"
    unknown_columns: Annotated[
        Literal["refuse", "leave_out", "send"], Meta(description="As the setting of this name.")
    ] = "refuse"
    deleted_column: Annotated[
        str | None, Meta(description="Column that marks rows as deleted at the source; see hard_delete.")
    ] = None
    mode: Annotated[
        Literal["upsert", "update", "insert", "duplicate"],
        Meta(description="As load_method; `duplicate` copies time entries."),
    ] = "upsert"
    ownership: Annotated[
        # A custom field comes as an object from Meltano, because its name has a dot.
        dict[str, Annotated[Ownership, Meta(extra_json_schema={"type": ["string", "object"]})]],
        Meta(
            description="Field to the rule for records that exist: `always` writes it, `if_empty` only where Planhat "
            "holds no value, `on_create` never. Needs write: changes."
        ),
    ] = {}
    existing_points: Annotated[
        ExistingPoints | None,
        Meta(
            description="What is done with a metric point whose day holds a value already. `keep` leaves the day as it "
            "is, `replace` sends what the day lacks to hold this value, `add` sends the point in any case. The default "
            "is keep, and add with write: all."
        ),
    ] = None
    combine: Annotated[
        # A metric with a dot in its name comes as an object from Meltano.
        CombineRule | dict[str, Annotated[CombineRule, Meta(extra_json_schema={"type": ["string", "object"]})]],
        Meta(
            description="How Planhat combines several values of a day, as the metric is set there: one word for all "
            "metrics, or metric to word. Words: sum, last, min, max, average."
        ),
    ] = {}
    insert_without_key: Annotated[
        bool, Meta(description="Create rows that carry no key. They are created again when they come again.")
    ] = False

    @property
    def rules(self) -> Mapping[str, CombineRule]:
        """How each metric combines the values of a day, as far as the settings name them."""
        return {} if isinstance(self.combine, str) else self.combine

    @property
    def rule(self) -> CombineRule | None:
        """How all metrics combine the values of a day, if the settings say so."""
        return self.combine if isinstance(self.combine, str) else None

    @property
    def cleared(self) -> tuple[str, ...]:
        """The fields that a null clears, if the settings name them."""
        return () if isinstance(self.nulls, str) else self.nulls


_NAMED = ("combine", "ownership")
"""Settings by the name of a field or a metric. If a name has a dot, Meltano makes an object of the part before it."""


def _in_block(name: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    """The JSON Schema of a setting in a block. The words in settings by name are checked after names are joined."""
    # Without defaults: the SDK would write them into each block, and the general settings would have no effect.
    found = {keyword: part for keyword, part in schema.items() if keyword != "default"}
    if name not in _NAMED:
        return found
    kept = {keyword: part for keyword, part in found.items() if keyword not in {"anyOf", "additionalProperties"}}
    kind = "object" if "anyOf" not in found else ["string", "object"]
    return {**kept, "type": kind, "additionalProperties": {"type": ["string", "object"]}}


BLOCK: Mapping[str, Any] = {name: _in_block(name, schema) for name, schema in properties_of(StreamSettings).items()}
"""The JSON Schema of each setting in a block."""

_DIMENSION = "dimension"
"""Member of an object in `points` that describes the metric of a column."""
_NO_LONGER: Mapping[str, str] = {
    "clear": "name these fields in nulls, such as nulls: [description]",
    "read_only": "name in columns each column that is to fill a field which Planhat sets itself",
    "endpoint": "leave it out, user activities always go many in a call",
}
"""Settings that no longer exist, and what to do instead."""


def settings_of_stream(stream: str, block: Mapping[str, Any], general: Mapping[str, Any]) -> StreamSettings:
    """The settings of a stream.

    Args:
        stream: Name of the stream, for messages.
        block: Its block in the settings.
        general: Settings that apply if the block does not have them.

    Raises:
        SettingsError: The block has an unknown setting.
        ConfigurationError: A value in the block is wrong.
    """
    _check_names(stream, block)
    given = {name: value for name, value in block.items() if value is not None}
    if "columns" in given:
        given["columns"] = dict(_joined(given["columns"]))
    if "ownership" in given:
        given["ownership"] = dict(_joined(given["ownership"]))
    if isinstance(given.get("combine"), dict):
        given["combine"] = dict(_joined(given["combine"]))
    if isinstance(given.get("points"), dict):
        given["points"] = dict(_joined_points(given["points"]))
    if "constants" in given:
        given["constants"] = dict(_joined(given["constants"], only=("custom",)))
    return checked(StreamSettings, {**general, **given}, within=f"streams.{stream}.")


def _joined(names: Mapping[str, Any], only: Collection[str] | None = None) -> Iterator[tuple[str, Any]]:
    """Names with dots as they were written: Meltano makes an object of the part before a dot.

    Args:
        names: What Meltano made, with the value of each name.
        only: Names whose value is such an object. Other objects are real values. None if all objects are such objects.
    """
    for name, value in names.items():
        if isinstance(value, dict) and (only is None or name in only):
            yield from ((f"{name}.{inner}", found) for inner, found in _joined(value, () if only else None))
        else:
            yield name, value


def _joined_points(points: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """The dimension id of each column, with the dots in the names of columns as they were written.

    An object whose only member is a text ``dimension`` describes a metric. All other objects are parts of names.
    """
    for column, given in points.items():
        if not isinstance(given, dict) or not given:
            yield column, given
        elif set(given) == {_DIMENSION} and isinstance(given[_DIMENSION], str):
            yield column, given[_DIMENSION]
        else:
            yield from ((f"{column}.{inner}", found) for inner, found in _joined_points(given))


def _check_names(stream: str, block: Mapping[str, Any]) -> None:
    known = StreamSettings.__struct_fields__
    for name in block:
        if name in _NO_LONGER:
            msg = f"streams.{stream}: there is no setting {name!r} any more: {_NO_LONGER[name]}"
            raise SettingsError(msg)
        if name not in known:
            near = closest_name(name, known)
            hint = f" Did you mean {near!r}?" if near else ""
            msg = f"streams.{stream}: there is no setting {name!r}.{hint} It takes: {', '.join(known)}"
            raise SettingsError(msg)
