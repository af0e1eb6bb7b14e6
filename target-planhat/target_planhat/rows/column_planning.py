"""Decides the field of each column of a stream before the first record."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from planhat_api.plugin.name_suggestions import closest_name
from planhat_api.values.invalid import InvalidValueError
from target_planhat.errors import SettingsError
from target_planhat.rows.loader_columns import HELPER_COLUMNS, is_added_by_loader
from target_planhat.rows.mapping import ColumnPlan, Field, FieldResolver, Source, declared_types
from target_planhat.rows.values import ANYTHING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from planhat_api.models.registry import Model
    from planhat_api.values.field_type import FieldType
    from target_planhat.rows.values import Json
    from target_planhat.settings import StreamSettings
    from target_planhat.tenant.custom_fields import NamesOfModel

__all__ = ["FEW", "first_few", "left_out", "plan_columns"]

FEW = 10
"""Entries that a message lists. For the others, it gives only their number."""


def first_few(entries: Sequence[str]) -> list[str]:
    """The first entries of a list, and the number of the others."""
    return [*entries[:FEW], f"and {len(entries) - FEW:,} more"] if len(entries) > FEW else list(entries)


def left_out(plan: ColumnPlan) -> str:
    """The columns that a plan leaves out, by reason, for messages."""
    columns: dict[str, list[str]] = {}
    for column, reason in plan.left_out.items():
        columns.setdefault(reason, []).append(column)
    return "; ".join(f"{', '.join(first_few(names))} ({reason})" for reason, names in columns.items())


class _ColumnPlanner:
    """Plans the columns of one stream. All problems are collected for one error."""

    def __init__(
        self, stream: str, schema: Mapping[str, Any], resolver: FieldResolver, settings: StreamSettings
    ) -> None:
        self.stream = stream
        self.columns: Mapping[str, Json] = schema.get("properties", {})
        self.resolver = resolver
        self.settings = settings
        self.problems: list[str] = []
        self.sources: list[Source] = []
        self.left_out: dict[str, str] = {}

    def plan(self) -> ColumnPlan:
        renames = self._renames()
        deleted = self._deleted_column()
        for column in self.columns:
            if column in renames:
                self._place_renamed(column, renames[column])
            elif column == deleted:
                self.left_out[column] = "marks rows as deleted"
            elif column in HELPER_COLUMNS:
                self.left_out[column] = "metadata"
            elif is_added_by_loader(column):
                self.left_out[column] = "added by a loader"
            else:
                self._place(column, column)
        self._check_shared_fields()
        self._check_clear()
        constants = dict(self._constants())
        for source in [entry for entry in self.sources if entry.field in constants]:
            self.sources.remove(source)
            self.left_out[source.column] = f"{source.field} is a constant"
        if self.problems:
            msg = f"stream {self.stream!r} cannot go to {self.resolver.model.name}:"
            raise SettingsError(msg, first_few(self.problems))
        return ColumnPlan(
            tuple(sorted(self.sources, key=lambda source: source.fallback)),
            self.left_out,
            constants,
            deleted,
        )

    def _renames(self) -> dict[str, str | None]:
        """The field in the settings for each column; None if they leave the column out."""
        renames: dict[str, str | None] = {}
        for column, wanted in self.settings.columns.items():
            found = self._column_called(column, "columns")
            if found is not None:
                renames[found] = wanted
        for column in self.settings.ignore:
            found = self._column_called(column, "ignore")
            if found is not None:
                if renames.get(found) is not None:
                    self.problems.append(f"setting ignore: setting columns names a field for column {found!r}")
                renames[found] = None
        return renames

    def _deleted_column(self) -> str | None:
        wanted = self.settings.deleted_column
        return None if wanted is None else self._column_called(wanted, "deleted_column")

    def _column_called(self, name: str, setting: str) -> str | None:
        """The column with this name in any case; None, and a problem, if there is none."""
        if name in self.columns:
            return name
        found = next((column for column in self.columns if column.lower() == name.lower()), None)
        if found is None:
            hint = self._hint(lambda: closest_name(name, self.columns))
            self.problems.append(f"setting {setting}: the stream has no column {name!r}{hint}")
        return found

    def _hint(self, near: Callable[[], str | None]) -> str:
        """The suggestion for a wrong name; empty for problems that the message does not list."""
        found = near() if len(self.problems) < FEW else None
        return f"; did you mean {found!r}?" if found else ""

    def _place_renamed(self, column: str, name: str | None) -> None:
        if name is None:
            self.left_out[column] = "left out by the settings"
        else:
            self._place(column, name, is_named=True)

    def _place(self, column: str, name: str, *, is_named: bool = False) -> None:
        found = self.resolver.source(column, name, is_named=is_named)
        if isinstance(found, str):
            self.left_out[column] = found
        elif found is not None:
            self._check_type(found)
            if found.field == Field("custom"):
                self._check_custom_names(found)
            self.sources.append(found)
        elif self.settings.unknown_columns == "leave_out":
            self.left_out[column] = "no such field"
        elif self.settings.unknown_columns == "send":
            self.sources.append(Source(column, Field(name), ANYTHING))
        else:
            hint = self._hint(lambda: self.resolver.nearest(name))
            self.problems.append(
                f"column {column!r} leads to no field{'' if name == column else f' {name!r}'}{hint} "
                f"(name its field in streams.{self.stream}.columns, or leave it out: "
                f"streams.{self.stream}.ignore: [{column!r}])"
            )

    def _check_type(self, source: Source) -> None:
        types = declared_types(self.columns.get(source.column, {}))
        if types and not types & source.field_type.takes:
            self.problems.append(
                f"column {source.column!r} is declared {' or '.join(sorted(types))}, "
                f"field {source.field} holds {source.field_type.name}"
            )

    def _check_shared_fields(self) -> None:
        """Find fields with two columns. This is a mistake, unless one column is the fallback of the other."""
        first: dict[Field, Source] = {}
        for source in [entry for entry in self.sources if not entry.fallback]:
            first_source = first.setdefault(source.field, source)
            if first_source is not source:
                other = first_source if source.column in self.settings.columns else source
                self.problems.append(
                    f"columns {first_source.column!r} and {source.column!r} both lead to field {source.field}; "
                    f"leave one out: streams.{self.stream}.ignore: [{other.column!r}]"
                )
        for source in [entry for entry in self.sources if entry.fallback and entry.field in first]:
            found = self.resolver.field_name(source.column)
            if found in self.resolver.model.read_only and found not in self.resolver.model.written_as:
                self.sources.remove(source)
                self.left_out[source.column] = "Planhat sets it"

    def _check_clear(self) -> None:
        """Check the names of fields that nulls clear. They must be exact."""
        for name in self.settings.cleared:
            found = self.resolver.source(name, name, is_named=name in self.settings.columns.values())
            if isinstance(found, str):
                self.problems.append(f"setting nulls: {name!r} cannot be cleared: {found}")
            elif found is None:
                if self.settings.unknown_columns != "send":
                    hint = self._hint(partial(self.resolver.nearest, name))
                    self.problems.append(f"setting nulls: there is no field {name!r} to write{hint}")
            elif str(found.field) != name:
                self.problems.append(f"setting nulls: no field is called {name!r}; did you mean {str(found.field)!r}?")
            elif found.field == Field("custom"):
                self.problems.append("setting nulls: name each custom field, as in 'custom.Name', not all of 'custom'")

    def _constant(self, name: str, field_type: FieldType, value: Json) -> Json:
        try:
            return None if value is None else field_type.convert(value)
        except InvalidValueError as err:
            self.problems.append(f"setting constants: {name}: {err}")
            return None

    def _check_custom_names(self, source: Source) -> None:
        """Check the names in a declared `custom` object, because Planhat accepts wrong names (B50)."""
        names = self.resolver.custom
        column = self.columns.get(source.column)
        if self.settings.unknown_columns != "refuse" or not isinstance(column, dict):
            return
        for name in column.get("properties", {}):
            if names.find(name) is None:
                hint = self._hint(partial(names.nearest, name))
                self.problems.append(f"column {source.column!r}: there is no custom field {name!r}{hint}")

    def _constants(self) -> Iterator[tuple[Field, Any]]:
        for name, value in {**self.resolver.model.constants, **self.settings.constants}.items():
            found = self.resolver.source(f"constant {name}", name)
            if isinstance(found, Source):
                if name in self.settings.constants or not any(entry.field == found.field for entry in self.sources):
                    yield found.field, self._constant(name, found.field_type, value)
            else:
                hint = self._hint(partial(self.resolver.nearest, name))
                self.problems.append(f"setting constants: there is no field {name!r} to write{hint}")


def plan_columns(
    stream: str, schema: Mapping[str, Any], model: Model, custom: NamesOfModel, settings: StreamSettings
) -> ColumnPlan:
    """Decide the field of each column of a stream.

    Args:
        stream: Name of the stream, for messages.
        schema: The schema of the stream.
        model: Model of the rows.
        custom: Custom fields of the model.
        settings: Settings of the stream.

    Raises:
        SettingsError: A column has no field, or not the type of its field. The text lists the first such columns, with
            the most similar right name.
    """
    return _ColumnPlanner(stream, schema, FieldResolver(model, custom, settings), settings).plan()
