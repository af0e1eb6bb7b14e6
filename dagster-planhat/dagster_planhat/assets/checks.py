"""Checks that what was read has landed."""

import os
from collections.abc import Callable, Mapping

import dagster as dg
from sqlalchemy.exc import SQLAlchemyError

from dagster_planhat.assets.tenants import TenantAssets
from dagster_planhat.pieces.landed import warehouse
from dagster_planhat.pieces.secrets import MissingVariableError, with_values

__all__ = ["check_spec", "counted", "judged_by_state"]

LANDED, CONFIRMED = "rows_landed", "state_confirmed"

Count = Callable[..., int]


def check_spec(assets: TenantAssets, key: dg.AssetKey, *, at_least: bool) -> dg.AssetCheckSpec:
    """The check of an asset: in the warehouse if there is one to count in, else by the state of the loader."""
    if assets.warehouse is None:
        text = "The loader wrote a state that holds what this run read."
        return dg.AssetCheckSpec(CONFIRMED, asset=key, description=text)
    number = "at least as many rows as" if at_least else "as many rows as"
    return dg.AssetCheckSpec(LANDED, asset=key, description=f"The warehouse holds {number} this run read.")


def counted(assets: TenantAssets, key: dg.AssetKey, read: int, count: Count, *, at_least: bool) -> dg.AssetCheckResult:
    """Compare the rows in the warehouse with those that were read.

    Args:
        assets: Of the tenant.
        key: The asset.
        read: Rows that the tap read.
        count: Counts rows by a connection and the name of a schema.
        at_least: Whether the warehouse may hold more.
    """
    house = assets.warehouse
    if house is None:
        raise TypeError
    try:
        with warehouse(str(with_values(house.url, os.environ))) as connection:
            landed = count(connection, house.schema)
    except (LookupError, MissingVariableError) as error:
        return _result(key, LANDED, passed=False, text=str(error))
    except (SQLAlchemyError, ImportError) as error:
        # The text of an error of SQLAlchemy may hold the URL.
        text = f"{type(error).__name__} while counting: is the URL of the warehouse right, and its driver installed?"
        return _result(key, LANDED, passed=False, text=text)
    passed = landed == read or (at_least and landed > read)
    severity = dg.AssetCheckSeverity.ERROR if landed < read else dg.AssetCheckSeverity.WARN
    where = f"the schema {house.schema} of the warehouse" if house.schema else "the warehouse"
    text = f"{read:,} rows were read, and {where} holds {landed:,}"
    return _result(key, LANDED, passed=passed, text=text, severity=severity, read=read, landed=landed)


def judged_by_state(key: dg.AssetKey, *, confirmed: bool) -> dg.AssetCheckResult:
    """Tell whether the loader confirmed what the tap read."""
    text = "The loader confirmed all rows" if confirmed else "The loader wrote no state that holds what was read"
    return _result(key, CONFIRMED, passed=confirmed, text=text)


def _result(
    key: dg.AssetKey,
    name: str,
    *,
    passed: bool,
    text: str,
    severity: dg.AssetCheckSeverity = dg.AssetCheckSeverity.ERROR,
    **numbers: int,
) -> dg.AssetCheckResult:
    metadata: Mapping[str, int] = {f"planhat/{word}": number for word, number in numbers.items()}
    return dg.AssetCheckResult(
        passed=passed, asset_key=key, check_name=name, severity=severity, description=text, metadata=metadata
    )
