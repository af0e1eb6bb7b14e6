"""The history of dimension data: a partition for each dimension and window of days."""

from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from typing import Any

import dagster as dg

from dagster_planhat.assets.checks import check_spec, counted, judged_by_state
from dagster_planhat.assets.failing import as_dagster_failures
from dagster_planhat.assets.figures import PREFIX, of_read
from dagster_planhat.assets.tenants import DIMENSION_DATA, TenantAssets, today
from dagster_planhat.pieces.landed import rows_of_days
from dagster_planhat.pieces.parts import Piece, pieces_of
from dagster_planhat.pieces.singer import Result
from dagster_planhat.pieces.states import confirms_days
from dagster_planhat.pieces.summary import ReadFigures, added
from dagster_planhat.pieces.windows import settings_of, window_with
from dagster_planhat.settings import History

__all__ = ["DIMENSION", "HISTORY", "WINDOW", "history_asset", "windows_of"]

HISTORY = "dimension_data_history"
DIMENSION, WINDOW = "dimension", "window"

_MONDAY = 1


def windows_of(history: History) -> dg.TimeWindowPartitionsDefinition:
    """The partitions of the windows, whole ones. The present window is one of them, which is read up to today."""
    start, end = window_with(history.start, history.window).first.isoformat(), None
    if history.end:
        end = (window_with(history.end - timedelta(days=1), history.window).last + timedelta(days=1)).isoformat()
    if history.window == "week":
        return dg.WeeklyPartitionsDefinition(start_date=start, end_date=end, day_offset=_MONDAY, end_offset=1)
    return dg.MonthlyPartitionsDefinition(start_date=start, end_date=end, end_offset=1)


def history_asset(assets: TenantAssets, history: History) -> dg.AssetsDefinition:
    """The asset with the history of a tenant."""
    key = assets.key(HISTORY)

    @dg.multi_asset(
        name=f"{assets.name}__{HISTORY}",
        specs=[
            dg.AssetSpec(
                key,
                description="Daily values of metrics, a partition for each dimension and window of days. A partition "
                "that is read again replaces its rows.",
                group_name=assets.name,
                kinds={"planhat", "singer"},
                partitions_def=dg.MultiPartitionsDefinition(
                    {DIMENSION: assets.dimensions, WINDOW: windows_of(history)}
                ),
            )
        ],
        check_specs=[check_spec(assets, key, at_least=False)],
        backfill_policy=dg.BackfillPolicy.multi_run(history.windows_per_run),
        pool=assets.pool,
    )
    def read_history(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult[Any] | dg.AssetCheckResult]:
        partitions = [_parts_of(key) for key in context.partition_keys]
        pieces = pieces_of(partitions, history.window, today())
        with as_dagster_failures(context, assets.shared.retries):
            results = [(piece, result) for piece in pieces for result in [_read(context, assets, piece)]]
        figures = added(result.read or ReadFigures() for _, result in results)
        yield dg.MaterializeResult(
            asset_key=key,
            metadata={
                **of_read(figures),
                f"{PREFIX}dimensions": ", ".join(sorted({each for piece in pieces for each in piece.dimensions})),
                f"{PREFIX}days": ", ".join(piece.days.text for piece in pieces),
            },
        )
        if assets.warehouse is None:
            confirmed = [confirms_days(result.state, DIMENSION_DATA, piece.days) for piece, result in results]
            yield judged_by_state(key, confirmed=all(confirmed))
        else:
            yield counted(assets, key, figures.rows, partial(_landed, pieces=pieces), at_least=False)

    return read_history


def _parts_of(key: str) -> tuple[str, str]:
    """Keys of the dimension and of the window of a partition."""
    if not isinstance(key, dg.MultiPartitionKey):
        raise TypeError
    return key.keys_by_dimension[DIMENSION], key.keys_by_dimension[WINDOW]


def _read(context: dg.AssetExecutionContext, assets: TenantAssets, piece: Piece) -> Result:
    runner = assets.runner(context)
    tap = assets.tap("backfill", dimension_ids=list(piece.dimensions), **settings_of(piece.days))
    return runner.pipe(tap, assets.loader, catalog=assets.catalog(runner, [DIMENSION_DATA]), needed=[DIMENSION_DATA])


def _landed(connection: Any, schema: str | None, *, pieces: list[Piece]) -> int:  # noqa: ANN401 -- of SQLAlchemy
    return sum(rows_of_days(connection, schema, DIMENSION_DATA, piece.dimensions, piece.days) for piece in pieces)
