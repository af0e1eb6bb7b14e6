"""Which rows may have been rejected because their company is missing."""

from __future__ import annotations

import json
from typing import Any

import pytest

from planhat_api import Outcome
from planhat_api.bulk.interpretation import IGNORED
from planhat_api.models.registry import model
from target_planhat.delivery.missing_company import may_lack_company
from target_planhat.rows.item import Item

NAMED = {"companyId": "extid-late"}


@pytest.mark.parametrize(
    ("path", "body", "reason", "expected"),
    [
        ("endusers", NAMED, IGNORED, True),
        ("endusers", NAMED, "companyId matches no company", True),
        ("endusers", NAMED, "something is renamed", True),
        ("endusers", NAMED, "name: must be text", False),
        ("endusers", NAMED, "externalId,email duplicated", False),
        ("endusers", {"companyExternalId": "late"}, IGNORED, True),
        ("endusers", {"email": "kim@late.example"}, IGNORED, True),
        ("endusers", {"externalId": "e"}, IGNORED, False),
        ("assets", NAMED, IGNORED, True),
        ("assets", {"externalId": "a"}, IGNORED, False),
        ("companies", {"externalId": "a"}, IGNORED, False),
    ],
)
def test_rows_that_may_lack_their_company(path: str, body: dict[str, Any], reason: str, *, expected: bool) -> None:
    item = Item(json.dumps(body).encode(), {}, None, b"{}")
    assert may_lack_company(model(path), item, Outcome.rejected(reason)) is expected
