"""Looks into the sandbox: what Planhat holds, and which calls it got. Not through the code under demonstration."""

from __future__ import annotations

import json
import urllib.request
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Tenant"]

Row = dict[str, Any]


@dataclass(frozen=True)
class Tenant:
    """The sandbox at an address, with its token."""

    url: str
    api_token: str

    def rows(self, path: str) -> list[Row]:
        """All stored rows of a model, those too that a plain list hides."""
        rows: list[Row] = self._call(f"/_sandbox/rows/{path}")
        return rows

    def sent_metrics(self) -> list[Row]:
        """The metric points that were sent to Planhat."""
        points: list[Row] = self._call("/_sandbox/metrics")
        return points

    def calls(self) -> list[Row]:
        """Every request so far: method, path, query, status, rows."""
        calls: list[Row] = self._call("/_sandbox/calls")
        return calls

    def define_custom_fields(self, fields: Iterable[Row]) -> None:
        """Adds the custom fields that the tenant does not have yet, as an administrator would in the app."""
        known = {(row["parent"].lower(), row["name"]) for row in self.rows("customfields")}
        for field in fields:
            if (field["parent"], field["name"]) not in known:
                self._call("/customfields", field)

    def _call(self, path: str, body: Row | None = None) -> Any:  # noqa: ANN401 (whatever JSON the path answers with)
        request = urllib.request.Request(
            self.url + path,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {self.api_token}", "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)
