"""CRUDs as its manual shows it, its pause between calls switched off, its hosts pointed at the stand-in.

Run as ``with_cruds.py WORK URL``; WORK is one of the functions below.
"""

from __future__ import annotations

import json
import sys
from itertools import islice
from typing import TYPE_CHECKING, Any

from cruds.interfaces.planhat import Planhat, logic

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


def _planhat(url: str, tenant: str | None = None) -> Planhat:
    logic.PLANHAT_API_HOST = f"{url}/"
    logic.PLANHAT_ANALYTICS_HOST = f"{url}/analytics-host/"
    planhat = Planhat(api_token="benchmark", tenant_token=tenant)
    planhat._delay = 0  # noqa: SLF001 - there is no public way to switch the pause off
    return planhat


def _write(stream: str, pages: Iterable[list[dict[str, Any]]]) -> None:
    for page in pages:
        for row in page:
            sys.stdout.write(json.dumps({"type": "RECORD", "stream": stream, "record": row}) + "\n")


def endusers_out(url: str) -> None:
    """Every enduser."""
    _write("endusers", _planhat(url).enduser.get_list(sort="_id", select=None))


def lists_out(url: str, *lists: str) -> None:
    """Every row of some lists, with the page size that CRUDs takes by itself.

    Args:
        url: The stand-in.
        lists: ``stream=path`` for each list. The programs' names of models are found by their paths.
    """
    planhat = _planhat(url)
    names = [name for name in dir(planhat) if not name.startswith("_") and name != "tenant_token"]
    models = {getattr(getattr(planhat, name), "_uri", None): getattr(planhat, name) for name in names}
    for each in lists:
        stream, path = each.split("=")
        if path in models:
            _write(stream, models[path].get_list(sort="_id", select=None))


def dimension_out(url: str, first: str, last: str) -> None:
    """Every point of a range of epoch days."""
    _write("dimensiondata", _planhat(url).metrics.get_dimension_data(from_day=int(first), to_day=int(last)))


def _records() -> Iterator[dict[str, Any]]:
    for line in sys.stdin:
        message = json.loads(line)
        if message["type"] == "RECORD":
            yield message["record"]


def _renamed(records: Iterator[dict[str, Any]], column: str, name: str) -> Iterator[dict[str, Any]]:
    for record in records:
        record[name] = record.pop(column)
        yield record


def endusers_in(url: str, *renames: str) -> None:
    """Upsert what comes in, a chunk of Planhat's largest size at a time.

    Args:
        url: The stand-in.
        renames: ``column=name`` for each column that has another name in Planhat.
    """
    planhat = _planhat(url)
    records = _records()
    for rename in renames:
        records = _renamed(records, *rename.split("="))
    while batch := list(islice(records, 5000)):
        planhat.enduser.bulk_upsert(batch, raise_on_error=True)


def metrics_in(url: str, tenant: str) -> None:
    """Push what comes in; CRUDs finds the size of a chunk itself."""
    planhat = _planhat(url, tenant)
    records = _records()
    while batch := list(islice(records, 100_000)):
        planhat.metrics.bulk_insert_metrics(batch, raise_on_error=True)


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])
