"""The part of seeded schedules that is about models read from lists."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from random import Random

    from tests.schedule_parts import Tenant, Warehouse
    from tests.tap_support import Output

_MARKS = {"endusers": "position", "tasks": "action", "conversations": "subject", "companies": "description"}
"""By path, the field that an edit changes."""
_ARCHIVED = {"endusers": "archived", "tasks": "isArchived"}
_TYPES = (None, None, ["note"], ["email", "call"])


class ListPart:
    """Companies, endusers, tasks, conversations and notes."""

    streams: Sequence[str] = ("companies", "endusers", "tasks", "conversations", "notes")

    def switches(self, dice: Random) -> dict[str, Any]:
        sort = dice.choice(["honoured"] * 4 + ["ignored"])
        # A list that nothing sorts, in another order at each call, nobody can read whole.
        unsorted = ["insertion", "newest_first", *(["random"] if sort == "honoured" else [])]
        page_max = dice.choice([5, 12, 40, 0])
        return {
            "page_max": page_max,
            # The client asks for ten rows at least.
            "limit_above_max": dice.choice(["cap", "refuse"]) if page_max != 5 else "cap",
            "equal_rows": dice.choice(["stable", "changing"]),
            "sort": sort,
            "default_sort": dice.choice(unsorted),
            "sort_nulls": dice.choice(["low", "high"]),
            "sort_ignored_fields": dice.choice(["", "", "", "updatedAt"]),
            "updated_at": dice.choice(["present", "present", "some", "absent"]),
            "tasks_is_archived_true": dice.choice(["only", "all"]),
            "updated_at_on_archiving": dice.choice(["moved", "moved", "kept"]),
            "select": dice.choice(["honoured", "honoured", "ignored"]),
            "list_width": dice.choice(["full"] * 5 + ["lean"]),
        }

    def settings(self, dice: Random) -> dict[str, Any]:
        drawn: dict[str, Any] = {
            "incremental": dice.random() < 0.8,
            "incremental_lookback_minutes": dice.choice([0, 0, 60]),
            "emit_activate_version_messages": dice.random() < 0.5,
            "include_archived": dice.random() < 0.8,
            "conversation_types": dice.choice(_TYPES),
            "push_down_select": dice.random() < 0.2,
            "parallel_calls": dice.choice([1, 1, 1, 4]),
        }
        if dice.random() < 0.2:
            drawn["incremental_streams"] = dice.sample(["companies", "endusers", "tasks", "notes"], 2)
        if dice.random() < 0.15:
            drawn["stream_maps"] = {"companies": {"description": dice.choice(["'hidden'", "description"])}}
        if dice.random() < 0.1:
            drawn["content_hash_file"] = "hashes.sqlite"
        return drawn

    def change(self, tenant: Tenant, dice: Random) -> str:
        kind = dice.choice([*["edit", "archive", "delete", "import", "touch many"] * 2, "stamp from the future"])
        path = dice.choice(list(_ARCHIVED) if kind == "archive" else list(_MARKS))
        rows = list(tenant.rows(path).values())
        row, stamp = dice.choice(rows), tenant.stamp()
        mark = {_MARKS[path]: f"changed {stamp}"}
        if kind == "edit":
            tenant.put(path, {**row, **mark}, stamp=stamp)
        elif kind == "archive":
            tenant.archive(path, row, _ARCHIVED[path])
        elif kind == "delete" and len(rows) > 3:
            tenant.remove(path, row["_id"])
        elif kind == "stamp from the future":
            tenant.put(path, {**row, **mark}, stamp="2099-01-01T00:00:00.000Z")
        elif kind == "import":
            for _ in range(dice.choice([2, 8, 30])):
                tenant.add(path, {**dice.choice(rows), **mark}, stamp=stamp)
        else:
            for each in dice.sample(rows, min(len(rows), dice.choice([2, 8, 30]))):
                tenant.put(path, {**each, **mark}, stamp=stamp)
        return f"{kind} {path}"

    def must_hold(self, tenant: Tenant, settings: Mapping[str, Any]) -> dict[str, set[str]]:
        wanted: dict[str, set[str]] = {}
        for path in _MARKS:
            archived = _ARCHIVED.get(path)
            hides = archived is not None and not settings["include_archived"]
            rows = {key: row for key, row in tenant.rows(path).items() if not (hides and row.get(archived or ""))}
            wanted[path] = set(rows)
            if path == "conversations":
                types = settings["conversation_types"]
                wanted[path] = {key for key, row in rows.items() if not types or row.get("type") in types}
                wanted["notes"] = {key for key, row in rows.items() if row.get("type") == "note"}
        return wanted

    def differs(self, stream: str, held: Mapping[str, Any], fresh: Mapping[str, Any]) -> bool:
        del stream
        return held != fresh

    def final_faults(self, warehouse: Warehouse, last: Output, fresh: Output, settings: Mapping[str, Any]) -> list[str]:
        del settings
        activated = {message["stream"] for message in last.messages if message["type"] == "ACTIVATE_VERSION"}
        return [
            f"{stream}: rows that are gone are kept after ACTIVATE_VERSION"
            for stream in activated & set(self.streams)
            if set(warehouse.tables[stream]) != set(fresh.ids(stream))
        ]
