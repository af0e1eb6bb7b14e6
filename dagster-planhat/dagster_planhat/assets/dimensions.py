"""Registers the dimensions of a tenant as partitions of its history."""

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import dagster as dg

from dagster_planhat.assets.failing import as_dagster_failures
from dagster_planhat.assets.figures import PREFIX, of_read
from dagster_planhat.assets.tenants import DIMENSION_DATA, TenantAssets, today
from dagster_planhat.pieces.keys import key_of
from dagster_planhat.pieces.windows import Days, settings_of
from dagster_planhat.settings import History

__all__ = ["dimensions_asset"]

DIMENSIONS = "dimensions"


def dimensions_asset(assets: TenantAssets, history: History) -> dg.AssetsDefinition:
    """The asset that registers the dimensions of a tenant. A dimension that is gone stays registered."""

    @dg.multi_asset(
        name=f"{assets.name}__{DIMENSIONS}",
        specs=[
            dg.AssetSpec(
                assets.key(DIMENSIONS),
                description="The dimensions whose history can be read: those of the settings, and those found in the "
                "points of the last days.",
                group_name=assets.name,
                kinds={"planhat"},
            )
        ],
        pool=assets.pool,
    )
    def register_dimensions(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult[Any]]:
        found: set[str] = set()
        figures: dict[str, Any] = {}
        if history.find_dimensions_days:
            runner = assets.runner(context)
            last = today()
            days = Days(last - timedelta(days=history.find_dimensions_days - 1), last)
            with as_dagster_failures(context, assets.shared.retries):
                result = runner.read(
                    assets.tap("normal", **settings_of(days)),
                    lambda line: _note(line, found),
                    catalog=assets.catalog(runner, [DIMENSION_DATA]),
                    needed=[DIMENSION_DATA],
                )
            figures = dict(of_read(result.read)) if result.read else {}
        keys = sorted({key_of(dimension) for dimension in {*assets.tenant.dimensions, *found}})
        name = str(assets.dimensions.name)
        new = sorted(set(keys) - set(context.instance.get_dynamic_partitions(name)))
        context.instance.add_dynamic_partitions(name, new)
        yield dg.MaterializeResult(
            metadata={**figures, f"{PREFIX}dimensions": len(keys), f"{PREFIX}new": ", ".join(new)}
        )

    return register_dimensions


def _note(line: bytes, found: set[str]) -> None:
    message = json.loads(line)
    if message.get("type") == "RECORD" and (dimension := message["record"].get("dimensionId")):
        found.add(dimension)
