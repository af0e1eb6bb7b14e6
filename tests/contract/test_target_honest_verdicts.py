"""Whatever Planhat does with endusers and however it words its answer, every verdict agrees with what is stored."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hypothesis import given, settings
from hypothesis import strategies as st

from planhat_sandbox import Sandbox
from tests.target_support import run, stream

if TYPE_CHECKING:
    from tests.target_support import Finished

DELIVERED = {"created", "updated", "unchanged", "accepted", "merged"}
SWITCHES = st.fixed_dictionaries(
    {
        "answer_keys": st.sampled_from(["all", "id_only"]),
        "error_items": st.sampled_from(["object", "object_keys", "object_bare", "text", "text_with_key"]),
        "bulk_failure": st.sampled_from(["206", "400_partial", "400_nothing"]),
        "enduser_without_company": st.sampled_from(["ignored", "refused"]),
        "enduser_of_unknown_company": st.sampled_from(["refused", "unmapped"]),
        "duplicated_endusers": st.sampled_from(["stored", "later_refused", "all_refused"]),
        "duplicated_keys": st.sampled_from(["both", "any"]),
        "email_case": st.sampled_from(["exact", "ignored"]),
        "key_search": st.sampled_from(["first_key", "every_key"]),
        "updated_at_on_equal": st.sampled_from(["moved", "kept"]),
    }
)
PERSON = st.fixed_dictionaries(
    {
        "key": st.integers(0, 60),
        "domain": st.sampled_from(["company1.example", "company2.example", "nowhere.example", None]),
        "company": st.sampled_from([None, None, None, "C-00001", "C-00002", "no such company"]),
        "position": st.sampled_from(["a", "b"]),
    }
)


def row(person: dict[str, Any]) -> dict[str, Any]:
    address = person["domain"] and f"p{person['key']}@{person['domain']}"
    return {
        "external_id": f"e{person['key']}",
        "email": address,
        "company_external_id": person["company"],
        "position": person["position"],
    }


def stored(box: Sandbox) -> dict[str, list[str]]:
    """What the endusers with each external id hold."""
    found: dict[str, list[str]] = {}
    for person in box.rows("endusers"):
        found.setdefault(str(person.get("externalId")), []).append(str(person.get("position")))
    return found


def honest(box: Sandbox, finished: Finished, rows: list[dict[str, Any]], before: dict[str, list[str]]) -> None:
    after, verdicts = stored(box), finished.verdicts("endusers")
    assert finished.error is None
    assert "unknown" not in verdicts.values()
    assert set(verdicts) == {entry["external_id"] for entry in rows}
    for entry in rows:
        key = entry["external_id"]
        if verdicts[key] in DELIVERED:
            assert entry["position"] in after.get(key, []), (key, verdicts[key])
        else:
            assert len(after.get(key, [])) == len(before.get(key, [])), (key, verdicts[key])


@settings(max_examples=30)
@given(
    switches=SWITCHES,
    before=st.lists(PERSON, max_size=20),
    people=st.lists(PERSON, min_size=1, max_size=60, unique_by=lambda person: person["key"]),
    size=st.sampled_from([7, 5000]),
)
def test_verdicts_agree_with_what_is_stored(
    switches: dict[str, str], before: list[dict[str, Any]], people: list[dict[str, Any]], size: int
) -> None:
    with Sandbox(companies=3, endusers=1, switches=switches) as box:
        held = [row({**person, "company": "C-00001"}) for person in before]
        run(box, stream("endusers", held), max_rejects="100%", streams={"endusers": {"key": "externalId"}})
        rows = [row(person) for person in people]
        for _ in range(2):
            known = stored(box)
            finished = run(
                box,
                stream("endusers", rows),
                max_rejects="100%",
                batch_size_rows=size,
                streams={"endusers": {"key": "externalId"}},
            )
            honest(box, finished, rows, known)
