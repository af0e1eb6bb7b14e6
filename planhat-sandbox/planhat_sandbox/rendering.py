"""Turns a stored row, which has plain ids and codes, into its form in an answer."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import msgspec

from planhat_sandbox.store import Row, Value
from planhat_sandbox.tenant import collection_path

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from planhat_api.models.registry import Model
    from planhat_sandbox.tenant import Tenant

    Step = Callable[[Row], None]

__all__ = ["Renderer"]

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(dict[str, Value]).decode

# Rows of one model whose rendered form is kept. Further rows are rendered each time.
_KEEP_ROWS = 20_000
# Other paths whose rows are part of a rendered row.
_SHOWN_WITH = {"companies": ("users", "licenses", "sales")}
_LEAN_FIELDS = ("_id", "name", "title", "nickName")
_SYMBOLS = {"EUR": "€", "USD": "$", "GBP": "£", "SEK": "kr", "JPY": "¥"}


class Renderer:
    """Renders rows of one tenant as the switches say."""

    def __init__(self, tenant: Tenant) -> None:
        """Take the tenant."""
        self._tenant = tenant
        self._kept: dict[str, tuple[tuple[int, ...], dict[str, tuple[bytes, bytes]]]] = {}

    def page(self, model: Model, ids: Sequence[str], select: frozenset[str] | None) -> bytes:
        """A JSON array of rows. If ``select`` is None, rows have the fields of a list without it."""
        collection = self._tenant.store[collection_path(model)]
        rows = [collection.raw(row_id) for row_id in ids]
        keep = self._kept_fields(model, select)
        steps = self._steps(model, in_list=True)
        if keep is not None:
            rows = [_encode(self._narrow(_decode(raw), steps, keep)) for raw in rows]
        elif steps:
            rows = self._stepped(model, steps, ids, rows)
        return b"[" + b",".join(rows) + b"]"

    def one(self, model: Model, row: Row) -> Row:
        """The row in the answer to GET by id, create and update."""
        for step in self._steps(model, in_list=False):
            step(row)
        return row

    def _stepped(self, model: Model, steps: list[Step], ids: Sequence[str], rows: list[bytes]) -> list[bytes]:
        kept = self._kept_rows(model)
        shown = []
        for row_id, raw in zip(ids, rows, strict=True):
            before, after = kept.get(row_id, (b"", b""))
            if before is not raw:
                row = _decode(raw)
                for step in steps:
                    step(row)
                after = _encode(row)
                if len(kept) < _KEEP_ROWS:
                    kept[row_id] = (raw, after)
            shown.append(after)
        return shown

    def _kept_rows(self, model: Model) -> dict[str, tuple[bytes, bytes]]:
        """Rendered rows with their stored form. They are dropped if a switch or an embedded row changes."""
        others = (self._tenant.store[path].version for path in _SHOWN_WITH.get(model.path, ()))
        state = (self._tenant.switches.generation, *others)
        if model.path not in self._kept or self._kept[model.path][0] != state:
            self._kept[model.path] = (state, {})
        return self._kept[model.path][1]

    @staticmethod
    def _narrow(row: Row, steps: list[Step], keep: frozenset[str]) -> Row:
        for step in steps:
            step(row)
        return {name: value for name, value in row.items() if name in keep}

    def _kept_fields(self, model: Model, select: frozenset[str] | None) -> frozenset[str] | None:
        switches = self._tenant.switches
        if select is not None and not self._select_ignored(model):
            return None if "ALL" in select else select | {"_id"}
        if switches["list_width"] == "lean":
            return frozenset(_LEAN_FIELDS)
        if model.default_select and switches["users_list"] == "reduced":
            return frozenset(model.default_select) | {"_id"}
        return None

    def _select_ignored(self, model: Model) -> bool:
        position = self._tenant.switches["select"]
        return position == "ignored" or (position == "ignored_by_invoices" and model.path == "invoices")

    def _steps(self, model: Model, *, in_list: bool) -> list[Step]:
        switches = self._tenant.switches
        steps: list[Step] = []
        if model.path == "companies":
            steps += self._company_steps(in_list=in_list)
        if model.path == "users" and not in_list:
            steps.append(self._expand_roles)
        if model.path == "workflows" and switches["references"] != "id":
            steps.append(self._expand_template)
        if "_currency" in model.properties and switches["currency"] != "code":
            steps.append(self._expand_currency)
        if "updatedAt" in model.properties and switches["updated_at"] != "present":
            steps.append(self._leave_out_updated_at)
        if "custom" in model.properties and switches["custom_empty"] != "mixed":
            steps.append(self._empty_custom)
        if model.path == "nps" and switches["nps_names"] != "documented":
            steps.append(self._nps_names)
        return steps

    def _company_steps(self, *, in_list: bool) -> list[Step]:
        switches = self._tenant.switches
        steps: list[Step] = []
        if switches["references"] != "id":
            steps.append(self._expand_owners)
        if switches["next_touch"] != "iso":
            steps.append(self._next_touch)
        if not in_list or switches["companies_embedded"] == "listed":
            steps.append(self._embed_revenue)
        return steps

    def _chosen(self, switch: str, row: Row) -> bool:
        position = self._tenant.switches[switch]
        return position != "mixed" or _share(row, 3) == 0

    def _expand_owners(self, row: Row) -> None:
        if not self._chosen("references", row):
            return
        for name in ("owner", "coOwner"):
            user = row.get(name)
            if isinstance(user, str):
                row[name] = {"_id": user, "nickName": self._tenant.name_of("users", user, "nickName")}

    def _expand_template(self, row: Row) -> None:
        if row.get("templateId") and self._chosen("references", row):
            row["templateId"] = {"_id": row["templateId"], "name": "Standard", "steps": []}

    def _next_touch(self, row: Row) -> None:
        touch = row.get("nextTouch")
        if isinstance(touch, str) and self._chosen("next_touch", row):
            row["nextTouch"] = int(msgspec.convert(touch, datetime).timestamp() * 1000)

    def _embed_revenue(self, row: Row) -> None:
        for name in ("licenses", "sales"):
            collection = self._tenant.store[name]
            embedded = [collection.get(found) or {} for found in collection.find("companyId", row["_id"])]
            for item in embedded:
                item["_currency"] = _currency(item.get("_currency"))
            row[name] = embedded

    def _expand_currency(self, row: Row) -> None:
        if isinstance(row.get("_currency"), str) and self._chosen("currency", row):
            row["_currency"] = _currency(row["_currency"])

    def _leave_out_updated_at(self, row: Row) -> None:
        if self._tenant.switches["updated_at"] == "absent" or _share(row, 3) == 1:
            row.pop("updatedAt", None)

    def _empty_custom(self, row: Row) -> None:
        if row.get("custom"):
            return
        position = self._tenant.switches["custom_empty"]
        if position == "absent":
            row.pop("custom", None)
        else:
            row["custom"] = {} if position == "object" else None

    def _nps_names(self, row: Row) -> None:
        named = {"nps": row.get("score"), "npsComment": row.get("comment"), "npsDate": row.get("dateAnswered")}
        row.update(named)
        if self._tenant.switches["nps_names"] == "live":
            for name in ("score", "comment", "dateSent", "dateAnswered"):
                row.pop(name, None)

    @staticmethod
    def _expand_roles(row: Row) -> None:
        row["roles"] = [
            {"_id": role, "name": "CSM", "description": "Looks after customers", "__v": 3}
            if isinstance(role, str)
            else role
            for role in row.get("roles") or ()
        ]


def _share(row: Row, parts: int) -> int:
    """The number of the part to which this row belongs, if all rows are divided into equal parts."""
    return int(str(row["_id"])[-6:], 16) % parts


def _currency(code: Value) -> Row:
    return {
        "_id": code,
        "symbol": _SYMBOLS.get(str(code), str(code)),
        "rate": 1,
        "isBase": code == "EUR",
        "overrides": {},
        "__v": 0,
    }
