# ruff: noqa: INP001 -- a script beside the page it writes, not part of a package
"""Writes docs/streams.md from the model files.

Run it after a change of a model or of how a stream is read. With ``--check`` it writes nothing and fails when the
page is out of date.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from planhat_api.models.registry import all_models

if TYPE_CHECKING:
    from planhat_api.models.registry import Model

PAGE = Path(__file__).with_name("streams.md")
TEXT = Path(__file__).with_name("streams.in.md")

HIDDEN_RULES = {
    "endusers": "archived; read unless `include_archived` is off",
    "tasks": "archived; read in a second pass unless `include_archived` is off",
    "nps": "answers older than 360 days; read as far back as `nps_expiry_days` says",
    "users": "no rows, but most fields; asked for by name",
}
GAPS = {
    "companies": "embedded lists (licenses, sales) are left out of the list by Planhat (B36)",
    "companies_lean": "a light stand-in for companies: ids, keys and names only",
    "conversations": "whether Planhat lists archived ones is unknown (Q17); holds notes and tickets too",
    "custom_fields": "definitions of the fields, not their values",
    "deals": "Planhat documents only part of the fields (Q13); others pass undeclared",
    "dimension_data": "whether calculated metrics are returned is unknown; points beyond the access period are gone",
    "issues": "whether Planhat lists archived ones is unknown (Q17)",
    "line_items": "Planhat documents only part of the fields (Q13); others pass undeclared",
    "notes": "the rows of conversations with type `note`, read from the same list: not selected by default",
    "tickets": "also in conversations; fields that all conversations share pass undeclared",
    "users": "asked for by name, so fields no model file knows do not come; `apiTokens` is never asked for",
    "workflows": "no example answer was ever seen",
}


def replication(model: Model) -> str:
    """How the stream can be read."""
    if model.stream == "dimension_data":
        return "incremental by day"
    if model.updated.field:
        return f"full; incremental by `{model.updated.field}` on request ({model.updated.confidence})"
    return "full"


def page_size(model: Model) -> str:
    """Rows per call, and how sure the largest page is."""
    if not model.paged:
        return "one answer"
    return f"{model.page.ask:,}" if model.page.max else f"{model.page.ask:,} (largest page unknown)"


def row(model: Model) -> str:
    """One line of the table."""
    cells = (
        f"`{model.stream}`",
        f"`/{model.path}`",
        "`_id`",
        replication(model),
        page_size(model),
        HIDDEN_RULES.get(model.stream, "none known"),
        GAPS.get(model.stream, ""),
    )
    return "| " + " | ".join(cells) + " |"


def page() -> str:
    """The whole page."""
    models = sorted(
        (model for model in all_models().values() if "list" in model.operations), key=lambda model: model.stream
    )
    head = (
        "| stream | source | key | replication | page | rows a plain list hides | known gaps |",
        "|---|---|---|---|---|---|---|",
    )
    table = "\n".join((*head, *map(row, models)))
    return TEXT.read_text("utf-8").replace("<!-- table -->", table)


def main() -> None:
    """Write or check the page."""
    if "--check" not in sys.argv[1:]:
        PAGE.write_text(page(), "utf-8")
    elif PAGE.read_text("utf-8") != page():
        sys.exit("docs/streams.md is out of date: run docs/streams.py")


if __name__ == "__main__":
    main()
