"""Changes rows of a tenant, as people who work in Planhat would between two runs."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from benchmarks.calls.books import path_of
from benchmarks.calls.least import LARGEST_UPSERT
from benchmarks.calls.tenant import TENANT_TOKEN
from benchmarks.measure import RunFailedError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.calls.books import Books
    from benchmarks.calls.tenant import Tenant

ONE_OF = 100
"""Of how many rows one is changed."""

# A text that Planhat shows as it was written. Workflows, definitions of custom fields and lean companies are not here:
# the first cannot be written, the second are no data, the third show what companies hold.
_FIELDS = {
    "assets": "name",
    "campaigns": "name",
    "churn": "comment",
    "companies": "city",
    "conversations": "subject",
    "deals": "name",
    "endusers": "position",
    "invoices": "product",
    "issues": "title",
    "licenses": "product",
    "line_items": "status",
    "nps": "comment",
    "objectives": "name",
    "opportunities": "title",
    "products": "name",
    "projects": "name",
    "sales": "product",
    "tasks": "description",
    "tickets": "subject",
    "time_entries": "description",
    "timesheets": "status",
    "users": "firstName",
    "workspaces": "name",
}
_SEEN_AS = {"tickets": ("conversations",), "conversations": ("tickets",), "companies": ("companies_lean",)}


def one_percent(tenant: Tenant, books: Books) -> None:
    """Change one percent of the rows of each model, at least one, and note them in the books.

    Of metric points it changes those of one percent of the companies, for yesterday.

    Raises:
        RunFailedError: The sandbox did not change all of them.
    """
    for stream, name in _FIELDS.items():
        ids = sorted(books.ids(stream))[::ONE_OF]
        # Tickets are written as the conversations that they are: by their own path they need a key of their source.
        _change("conversations" if stream == "tickets" else path_of(stream), tenant, name, ids)
        for each in (stream, *_SEEN_AS.get(stream, ())):
            books.changed.setdefault(each, set()).update(books.ids(each) & set(ids))
    _change_points(tenant)
    tenant.forget()


def _change(path: str, tenant: Tenant, name: str, ids: Sequence[str]) -> None:
    rows = [{"_id": row_id, name: f"changed {number}"} for number, row_id in enumerate(ids)]
    for start in range(0, len(rows), LARGEST_UPSERT):
        some = rows[start : start + LARGEST_UPSERT]
        answer = tenant.ask("PUT", path, some)
        if len(answer["modified"]) != len(some):
            message = f"{len(some)} rows of {path} were to be changed, but {answer}"
            raise RunFailedError(message)


def _change_points(tenant: Tenant) -> None:
    yesterday = dt.datetime.now(dt.timezone.utc).date() - dt.timedelta(days=1)
    companies = tenant.ask("GET", "leancompanies")[::ONE_OF]
    points = [
        {"dimensionId": "logins", "value": 1, "externalId": row["externalId"], "date": yesterday.isoformat()}
        for row in companies
        if row.get("externalId")
    ]
    tenant.ask("POST", f"analytics-host/dimensiondata/{TENANT_TOKEN}", points)
