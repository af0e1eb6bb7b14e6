"""Decides which columns of a wide table are metrics."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from planhat_api.plugin.name_suggestions import closest_name
from target_planhat.errors import SettingsError
from target_planhat.rows.column_planning import FEW, first_few
from target_planhat.rows.loader_columns import HELPER_COLUMNS, is_added_by_loader
from target_planhat.rows.mapping import FieldResolver, declared_types
from target_planhat.rows.rules.points import DIMENSION_ID_FORM, is_dimension_id

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from planhat_api.models.registry import Model
    from target_planhat.rows.declared_stream import DeclaredStream
    from target_planhat.settings import StreamSettings
    from target_planhat.tenant.custom_fields import NamesOfModel

__all__ = ["point_columns"]

_NUMBERS = frozenset({"number", "integer"})


def point_columns(
    declared: DeclaredStream, model: Model, custom: NamesOfModel, settings: StreamSettings
) -> dict[str, str]:
    """The dimension id of each column that is a metric, by the setting `points`.

    Args:
        declared: The stream.
        model: Model of the points.
        custom: Custom fields of the model.
        settings: Settings of the stream.

    Raises:
        SettingsError: The setting does not fit the columns of the stream, or other settings. Or it makes no metric.
    """
    columns: Mapping[str, Any] = declared.schema.get("properties", {})
    others = {name: column for name in _named_elsewhere(settings) if (column := _called(name, columns)) is not None}
    if settings.points == "numeric":
        resolver = FieldResolver(model, custom, settings)
        names = [
            name
            for name, schema in columns.items()
            if _holds_numbers(schema) and not _is_other(name, others.values(), declared.keys, resolver)
        ]
        points = {name: name for name in names}
        problems = [_no_name(declared.name, name) for name in names if not is_dimension_id(name)]
        if not names:
            problems.append("no column without a field is declared as number or integer. Name the columns")
    else:
        points, problems = _named_points(settings.points, columns, set(others.values()))
    if problems:
        msg = f"streams.{declared.name}.points does not fit the stream:"
        raise SettingsError(msg, first_few(problems))
    return points


def _named_points(
    wanted: Mapping[str, str | dict[str, Any]], columns: Collection[str], others: Collection[str]
) -> tuple[dict[str, str], list[str]]:
    """The dimension id of each column that the setting names, and what is wrong with it."""
    points: dict[str, str] = {}
    problems: list[str] = []
    column_of: dict[str, str] = {}
    for name, dimension in wanted.items():
        column = _called(name, columns)
        if column is None:
            near = closest_name(name, columns) if len(problems) < FEW else None
            problems.append(f"the stream has no column {name!r}" + (f"; did you mean {near!r}?" if near else ""))
            continue
        if column in others:
            problems.append(f"column {column!r} is also in columns or ignore; name it only once")
        if column in points:
            problems.append(f"column {column!r} is named twice")
        if not isinstance(dimension, str):
            problems.append(f"column {column!r} has no dimension")
            continue
        if not is_dimension_id(dimension):
            problems.append(f"column {column!r}: {dimension!r} cannot be the id of a metric: {DIMENSION_ID_FORM}")
        first = column_of.setdefault(dimension, column)
        if first != column:
            problems.append(f"columns {first!r} and {column!r} both lead to metric {dimension!r}")
        points[column] = dimension
    return points, problems


def _called(name: str, columns: Iterable[str]) -> str | None:
    """The column with this name in any case, as in the other settings."""
    if name in columns:
        return name
    return next((column for column in columns if column.lower() == name.lower()), None)


def _named_elsewhere(settings: StreamSettings) -> list[str]:
    deleted = () if settings.deleted_column is None else (settings.deleted_column,)
    return [*settings.columns, *settings.ignore, *deleted]


def _holds_numbers(schema: object) -> bool:
    types = declared_types(schema)
    return bool(types) and types <= _NUMBERS


def _is_other(name: str, named: Collection[str], keys: Collection[str], resolver: FieldResolver) -> bool:
    """Whether a column of numbers is something else than a metric: it is named, a key, a helper column, or a field."""
    if name in named or name in keys or name in HELPER_COLUMNS or is_added_by_loader(name):
        return True
    return resolver.source(name, name) is not None


def _no_name(stream: str, column: str) -> str:
    return (
        f"column {column!r} holds numbers, but its name cannot be the id of a metric: {DIMENSION_ID_FORM}. "
        f"Leave it out: streams.{stream}.ignore: [{column!r}], or name all columns and their metrics in points"
    )
