"""Which rows may have been rejected because their company is missing."""

from __future__ import annotations

import json
from typing import Any

import pytest

from planhat_api.bulk.verdict import VANISHED
from planhat_api.models.registry import model
from target_planhat.delivery.missing_company import may_lack_company
from target_planhat.rows.item import Item

NAMED = {"companyId": "extid-late"}


@pytest.mark.parametrize(
    ("path", "body", "reason", "expected"),
    [
        ("endusers", NAMED, VANISHED, True),
        ("endusers", NAMED, "companyId matches no company", True),
        ("endusers", NAMED, "something is renamed", True),
        ("endusers", NAMED, "name: must be text", False),
        ("endusers", NAMED, "externalId,email duplicated", False),
        ("endusers", {"companyExternalId": "late"}, VANISHED, True),
        ("endusers", {"email": "kim@late.example"}, VANISHED, True),
        ("endusers", {"externalId": "e"}, VANISHED, False),
        ("assets", NAMED, VANISHED, True),
        ("assets", {"externalId": "a"}, VANISHED, False),
        ("companies", {"externalId": "a"}, VANISHED, False),
    ],
)
def test_rows_that_may_lack_their_company(path: str, body: dict[str, Any], reason: str, *, expected: bool) -> None:
    item = Item(json.dumps(body).encode(), {}, None, b"{}")
    assert may_lack_company(model(path), item, reason) is expected
