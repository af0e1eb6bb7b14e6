"""The models of a tenant: an asset for each stream, and one run of the tap for those that are asked for."""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import dagster as dg

from dagster_planhat.assets.checks import check_spec, counted, judged_by_state
from dagster_planhat.assets.failing import as_dagster_failures
from dagster_planhat.assets.figures import PREFIX, of_read
from dagster_planhat.assets.tenants import TenantAssets
from dagster_planhat.pieces.landed import rows_of_stream
from dagster_planhat.pieces.states import State, confirms_streams, part_of, whole
from dagster_planhat.pieces.summary import ReadFigures

__all__ = ["models_asset"]

STATE = f"{PREFIX}state"


def models_asset(assets: TenantAssets) -> dg.AssetsDefinition:
    """The assets of the models of a tenant."""
    streams = assets.streams

    @dg.multi_asset(
        name=f"{assets.name}__models",
        specs=[
            dg.AssetSpec(
                assets.key(stream),
                description=f"The stream {stream} of tap-planhat.",
                group_name=assets.name,
                kinds={"planhat", "singer"},
                skippable=True,
            )
            for stream in streams
        ],
        check_specs=[check_spec(assets, assets.key(stream), at_least=True) for stream in streams],
        can_subset=True,
        pool=assets.pool,
    )
    def read_models(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult[Any] | dg.AssetCheckResult]:
        wanted = [stream for stream in streams if assets.key(stream) in context.selected_asset_keys]
        runner = assets.runner(context)
        with as_dagster_failures(context, assets.shared.retries):
            result = runner.pipe(
                assets.tap("normal"),
                assets.loader,
                catalog=assets.catalog(runner, wanted, incremental=assets.shared.incremental),
                state=_known_state(context, assets),
            )
        figures = result.read or ReadFigures()
        read = [stream for stream in wanted if stream not in figures.skipped]
        for stream in read:
            key = assets.key(stream)
            # What is known of streams without an asset, such as the definitions of custom fields, goes with each.
            others = [name for name in (result.state or {}).get("bookmarks", {}) if name not in streams]
            part = part_of(result.state or {}, [stream, *others])
            yield dg.MaterializeResult(
                asset_key=key, metadata={**of_read(figures, stream), STATE: dg.MetadataValue.json(part)}
            )
            if (
                dg.AssetCheckKey(key, check_spec(assets, key, at_least=True).name)
                not in context.selected_asset_check_keys
            ):
                continue
            if assets.warehouse is None:
                yield judged_by_state(key, confirmed=confirms_streams(result.state, [stream]))
            else:
                rows = figures.records.get(stream, 0)
                yield counted(assets, key, rows, partial(_landed, stream=stream), at_least=True)

    return read_models


def _known_state(context: dg.AssetExecutionContext, assets: TenantAssets) -> State | None:
    """What earlier runs confirmed, by stream."""
    events = [context.instance.get_latest_materialization_event(assets.key(stream)) for stream in assets.streams]
    known = sorted((event for event in events if event), key=lambda event: event.timestamp)
    return whole(part for event in known for part in _states_in(event))


def _states_in(event: dg.EventLogEntry) -> Sequence[State]:
    materialization = event.asset_materialization
    value = materialization.metadata.get(STATE) if materialization else None
    return [value.data] if isinstance(value, dg.JsonMetadataValue) and isinstance(value.data, dict) else []


def _landed(connection: Any, schema: str | None, *, stream: str) -> int:  # noqa: ANN401 -- of SQLAlchemy
    return rows_of_stream(connection, schema, stream)
