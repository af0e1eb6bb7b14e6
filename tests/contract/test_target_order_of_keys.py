"""Rows that name one record by different keys take effect in the order they came in, whatever the size of a batch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from planhat_sandbox import Sandbox
from tests.target_support import records, run, schema, state, stream

if TYPE_CHECKING:
    from tests.target_support import Message

GONE = "2024-05-14T00:00:00Z"


def companies(*rows: dict[str, Any]) -> list[Message]:
    columns = ["_id", "external_id", "source_id", "name", "city", "_sdc_deleted_at"]
    return [schema("companies", columns), *records("companies", rows), state(1)]


def named(box: Sandbox, path: str, **keys: str) -> list[dict[str, Any]]:
    return [row for row in box.rows(path) if all(row.get(key) == value for key, value in keys.items())]


def known(box: Sandbox) -> str:
    run(box, stream("companies", [{"source_id": "s1", "external_id": "e1", "name": "n0", "city": "c0"}]))
    return str(named(box, "companies", externalId="e1")[0]["_id"])


def test_a_row_between_two_of_one_key_that_names_the_record_by_another_key() -> None:
    with Sandbox(companies=3) as box:
        known(box)
        rows = (
            {"source_id": "s1", "city": "c1"},
            {"external_id": "e1", "city": "c2"},
            {"source_id": "s1", "name": "n3"},
        )
        assert run(box, companies(*rows)).error is None
        assert [row["city"] for row in named(box, "companies", externalId="e1")] == ["c2"]


def test_a_last_row_that_shares_no_key_with_the_others_of_its_batch() -> None:
    with Sandbox(companies=3) as box:
        planhat_id = known(box)
        rows = (
            {"source_id": "s1", "external_id": "e1", "name": "first"},
            {"external_id": "e1", "name": "second"},
            {"_id": planhat_id, "name": "third"},
        )
        run(box, companies(*rows))
        assert [row["name"] for row in named(box, "companies", _id=planhat_id)] == ["third"]


def test_an_upsert_after_a_delete_that_was_named_by_another_key() -> None:
    with Sandbox(companies=3) as box:
        known(box)
        rows = (
            {"source_id": "s1", "name": "one"},
            {"source_id": "s1", "_sdc_deleted_at": GONE},
            {"external_id": "e1", "name": "last"},
        )
        finished = run(box, companies(*rows), hard_delete=True)
        assert finished.verdicts()["e1"] == "created"
        assert [row["name"] for row in named(box, "companies", externalId="e1")] == ["last"]


def test_a_delete_after_an_upsert_that_was_named_by_another_key() -> None:
    with Sandbox(companies=3) as box:
        known(box)
        rows = ({"source_id": "s1", "name": "one"}, {"external_id": "e1", "_sdc_deleted_at": GONE})
        run(box, companies(*rows), hard_delete=True)
        assert named(box, "companies", sourceId="s1") == []


def test_rows_with_different_keys_and_a_delete_still_share_their_calls() -> None:
    with Sandbox(companies=3) as box:
        known(box)
        rows: list[dict[str, Any]] = [{"source_id": f"a{number}", "name": "A"} for number in range(50)]
        rows += [{"external_id": f"b{number}", "name": "B"} for number in range(50)]
        rows.insert(70, {"external_id": "e1", "_sdc_deleted_at": GONE})
        box.forget_calls()
        run(box, companies(*rows), hard_delete=True)
        # The delete waits for the rows before it that may mean the same record; those after it mean other ones.
        assert [call.rows for call in box.calls if call.method in {"PUT", "DELETE"}] == [100, 0]


def test_a_row_tried_once_more_as_duplicated_does_not_overtake_a_later_one() -> None:
    with Sandbox(companies=3, switches={"error_items": "text"}) as box:
        company = box.rows("companies")[0]["_id"]
        run(box, stream("endusers", [{"source_id": "s8", "external_id": "e8", "company_id": company}]))
        rows: list[dict[str, Any]] = [
            {"external_id": "e0", "position": "ignored, it has no company"},
            {"source_id": "s9", "external_id": "e8", "company_id": company, "position": "refused as duplicated"},
            {"source_id": "s0", "external_id": "e0", "company_id": company, "position": "last"},
        ]
        columns = ["source_id", "external_id", "company_id", "position"]
        run(box, [schema("endusers", columns), *records("endusers", rows)], max_rejects="100%")
        assert [row["position"] for row in named(box, "endusers", externalId="e0")] == ["last"]


@pytest.mark.parametrize("size", [1, 2])
def test_a_row_that_waits_does_not_overwrite_one_that_names_its_record_by_another_key(size: int) -> None:
    with Sandbox(companies=3) as box:
        company = box.rows("companies")[0]["_id"]
        run(box, stream("endusers", [{"source_id": "s1", "external_id": "e1", "company_id": company, "name": "n0"}]))
        rows: list[dict[str, Any]] = [
            {"source_id": "s1", "company_id": "extid-late", "name": "old"},
            {"external_id": "e1", "name": "new"},
            {"source_id": "s2", "company_id": "extid-late", "name": "waits, and nobody comes after it"},
        ]
        messages = [
            schema("endusers", ["source_id", "external_id", "company_id", "name"]),
            *records("endusers", rows),
            *stream("companies", [{"external_id": "late", "name": "Late"}]),
        ]
        finished = run(box, messages, batch_size_rows=size, max_rejects="100%")
        assert [row["name"] for row in named(box, "endusers", externalId="e1")] == ["new"]
        assert (finished.verdicts()["s1"], finished.verdicts()["s2"]) == ("rejected", "created")
        assert "a later row may be for the same record" in finished.reasons()["s1"]


def test_a_person_of_several_companies_waits_for_one_of_them_only() -> None:
    with Sandbox(companies=3) as box:
        company = box.rows("companies")[0]["_id"]
        messages = [
            *stream("endusers", [{"external_id": "e", "company_id": "extid-late", "name": "late"}]),
            *records("endusers", [{"external_id": "e", "company_id": company, "name": "here"}]),
            *stream("companies", [{"external_id": "late", "name": "Late"}]),
        ]
        finished = run(box, messages, batch_size_rows=1, max_rejects="100%")
        assert finished.summary["endusers"] == {"created": 2}


@pytest.mark.parametrize("size", [1, 5000])
def test_insert_after_a_delete_of_the_same_run(size: int) -> None:
    with Sandbox(companies=3) as box:
        known(box)
        rows = (
            {"external_id": "other", "name": "n"},
            {"external_id": "e1", "_sdc_deleted_at": GONE},
            {"external_id": "e1", "name": "new"},
        )
        run(box, companies(*rows), hard_delete=True, load_method="insert", batch_size_rows=size)
        assert [row["name"] for row in named(box, "companies", externalId="e1")] == ["new"]


@pytest.mark.parametrize("key", ["_id", "source_id", "external_id"])
def test_insert_after_a_delete_that_was_named_by_another_key(key: str) -> None:
    with Sandbox(companies=3) as box:
        values = {"_id": known(box), "source_id": "s1", "external_id": "e1"}
        rows = (
            {"external_id": "other", "name": "n"},
            {key: values[key], "_sdc_deleted_at": GONE},
            {"source_id": "s1", "external_id": "e1", "name": "new"},
        )
        run(box, companies(*rows), hard_delete=True, load_method="insert", batch_size_rows=1)
        assert [row["name"] for row in named(box, "companies", externalId="e1")] == ["new"]


@pytest.mark.parametrize("size", [1, 5000])
def test_update_after_a_delete_of_the_same_run(size: int) -> None:
    with Sandbox(companies=3) as box:
        known(box)
        rows = (
            {"external_id": "e1", "name": "n1"},
            {"external_id": "e1", "_sdc_deleted_at": GONE},
            {"external_id": "e1", "name": "new"},
        )
        finished = run(box, companies(*rows), hard_delete=True, load_method="update", batch_size_rows=size)
        assert "created" not in finished.summary["companies"]
        assert named(box, "companies", externalId="e1") == []


def test_a_company_deleted_and_made_again_is_the_new_one() -> None:
    with Sandbox(companies=3) as box:
        run(box, stream("companies", [{"external_id": "K", "name": "K"}]))
        run(box, stream("assets", [{"external_id": "a1", "company_id": "extid-K", "name": "old"}]))
        assets = [{"external_id": f"a{number}", "company_id": "extid-K", "name": "new"} for number in range(2)]
        gone = [{"external_id": "K", "_sdc_deleted_at": GONE}, {"external_id": "K", "name": "K again"}]
        messages = [
            schema("assets", ["external_id", "company_id", "name"]),
            *records("assets", assets[:1]),
            schema("companies", ["external_id", "name", "_sdc_deleted_at"]),
            *records("companies", gone),
            *records("assets", assets[1:]),
        ]
        run(box, messages, hard_delete=True, batch_size_rows=1, streams={"assets": {"mode": "insert"}})
        company = named(box, "companies", externalId="K")[0]["_id"]
        assert len(named(box, "assets", externalId="a1", companyId=company)) == 1


@pytest.mark.parametrize("size", [1, 5000])
def test_of_rows_that_are_only_inserted_the_first_wins(size: int) -> None:
    with Sandbox(companies=3) as box:
        rows = [{"external_id": "k", "name": "first"}, {"external_id": "k", "name": "last"}]
        finished = run(box, stream("companies", rows), load_method="insert", batch_size_rows=size)
        assert [row["name"] for row in named(box, "companies", externalId="k")] == ["first"]
        assert finished.summary["companies"] == {"created": 1, "skipped": 1}


@pytest.mark.parametrize("size", [1, 5000])
@pytest.mark.parametrize("bad", [0, 1, 2, 3])
def test_good_rows_are_not_rejected_with_a_bad_one_of_their_key(bad: int, size: int) -> None:
    with Sandbox(companies=3) as box:
        company = box.rows("companies")[0]["_id"]
        rows = [
            {"source_id": "s1", "company_id": "extid-never" if number == bad else company, "name": f"n{number}"}
            for number in range(4)
        ]
        finished = run(box, stream("endusers", rows), max_rejects="100%", batch_size_rows=size)
        assert [row["name"] for row in named(box, "endusers", sourceId="s1")] == ["n2" if bad == 3 else "n3"]
        assert sum(finished.summary["endusers"].values()) == 4
        # What a bad row says wrongly, a later one corrects.
        assert finished.summary["endusers"].get("rejected", 0) == (1 if bad == 3 else 0)


KEY = st.sampled_from(
    [{"source_id": "s1"}, {"external_id": "e1"}, {"source_id": "s1", "external_id": "e1"}, {"source_id": "s2"}]
)
STEP = st.tuples(KEY, st.sampled_from(["name", "both", "delete"]), st.sampled_from(["companies", "accounts"]))


@settings(max_examples=60)
@given(steps=st.lists(STEP, min_size=1, max_size=12), size=st.sampled_from([2, 3, 5, 5000]), hard_delete=st.booleans())
@example(
    steps=[({"source_id": "s1"}, "both", "companies"), ({"external_id": "e1"}, "name", "companies")] * 2,
    size=5000,
    hard_delete=False,
)
def test_any_mix_ends_as_if_rows_were_sent_one_by_one(
    steps: list[tuple[dict[str, str], str, str]], size: int, *, hard_delete: bool
) -> None:
    columns = ["source_id", "external_id", "name", "city", "_sdc_deleted_at"]
    messages = [schema("companies", columns), schema("accounts", columns)]
    for number, (keys, what, of) in enumerate(steps):
        row = {**keys, "name": f"n{number}", **({"city": f"c{number}"} if what == "both" else {})}
        messages += records(of, [{**keys, "_sdc_deleted_at": GONE} if what == "delete" else row])
    ends = []
    for rows_in_batch in (1, size):
        with Sandbox(companies=1) as box:
            known(box)
            finished = run(
                box,
                messages,
                batch_size_rows=rows_in_batch,
                hard_delete=hard_delete,
                max_rejects="100%",
                streams={"accounts": {"model": "companies"}},
            )
            assert finished.error is None
            assert sum(sum(counts.values()) for counts in finished.summary.values()) == len(steps)
            mine = [row for row in box.rows("companies") if row.get("sourceId") or row.get("externalId") == "e1"]
            ends.append(
                sorted(tuple(str(row.get(name)) for name in ("sourceId", "externalId", "name", "city")) for row in mine)
            )
    assert ends[0] == ends[1]
