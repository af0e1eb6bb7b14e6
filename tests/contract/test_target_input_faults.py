"""Input that is not as it should be: a line of a known stream is a rejected row, all else ends the run in one line."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from singer_sdk.exceptions import RecordsWithoutSchemaException

from planhat_api.plugin.exit_codes import ExitCode, exit_code
from planhat_sandbox import Sandbox
from target_planhat.errors import InputError, SettingsError
from tests.target_support import Finished, Message, lines, records, run, schema, state

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TEXT = {"type": ["string", "null"]}
SCHEMA = schema("companies", {"external_id": TEXT, "name": TEXT, "custom": {"type": ["object", "null"]}}, "external_id")
DEEP = b"[" * 5_000 + b"]" * 5_000


@pytest.fixture(scope="module")
def box() -> Iterator[Sandbox]:
    with Sandbox(companies=3, seed=1, switches={"calls_per_minute": 0}) as sandbox:
        yield sandbox


def line(record: bytes, stream: str = "companies") -> bytes:
    return b'{"type": "RECORD", "stream": "%s", "record": %s}\n' % (stream.encode(), record)


def good(key: str) -> bytes:
    return line(json.dumps({"external_id": key, "name": key}).encode())


def go(box: Sandbox, *given: bytes | Message, **settings: Any) -> Finished:
    joined = b"".join(one if isinstance(one, bytes) else lines([one]) for one in given)
    return run(box, joined, **{"max_rejects": "100%", **settings})


def replay(box: Sandbox, finished: Finished) -> Finished:
    return run(box, finished.rejects, max_rejects="100%")


BAD = {
    "not UTF-8": (line(b'{"external_id": "bad", "name": "Caf\xe9"}'), "line 3 of the input is not UTF-8", "bad"),
    "not UTF-8 in an object": (
        line(b'{"external_id": "bad", "name": "x", "custom": {"Bemerkung": {"a": "\xe9"}}}'),
        "line 3 of the input is not UTF-8",
        "bad",
    ),
    "no number": (line(b'{"external_id": "bad", "name": NaN}'), "column 'name' holds NaN", "bad"),
    "broken": (line(b'{"external_id": "bad", "name": "x"')[:-2], "line 3 of the input is not JSON: it ends", None),
    "deep": (line(b'{"external_id": "bad", "name": ' + DEEP + b"}"), "nested more than 100 levels deep", None),
    "a list": (line(b"[1, 2]"), "line 3 of the input: the record is an array, not an object", None),
    "nothing": (b'{"type":"RECORD","stream":"companies"}\n', "line 3 of the input: it has no 'record'", None),
}


@pytest.mark.parametrize("case", BAD)
@pytest.mark.parametrize("short_way", [True, False])
def test_a_line_of_a_known_stream_is_a_row_that_is_rejected(
    box: Sandbox,
    case: str,
    short_way: bool,  # noqa: FBT001 # generated
) -> None:
    bad, told, key = BAD[case]
    settings: dict[str, Any] = {} if short_way else {"stream_maps": {"companies": {"description": "'x'"}}}
    finished = go(box, SCHEMA, good("a1"), bad.rstrip(b"\n") + b"\n", good("a2"), state(1), **settings)
    assert finished.error is None
    assert finished.states == [1]
    counts = finished.summary["companies"]
    assert counts.pop("rejected") == 1
    assert sum(counts.values()) == 2
    (receipt,) = [entry for entry in finished.receipts if entry["outcome"] == "rejected"]
    assert told in receipt["reason"]
    assert receipt["key_value"] == key
    announced, reject = finished.rejects
    assert announced["schema"] == SCHEMA["schema"]
    assert reject["planhat_rejection"]["attempt"] == 1
    assert told in reject["planhat_rejection"]["reason"]


@pytest.mark.parametrize("case", BAD)
def test_a_replay_refuses_the_line_again_until_it_is_mended(box: Sandbox, case: str) -> None:
    bad, _, _ = BAD[case]
    first = go(box, SCHEMA, good("b1"), bad.rstrip(b"\n") + b"\n")
    second = replay(box, first)
    third = replay(box, second)
    assert [entry[1]["planhat_rejection"]["attempt"] for entry in (first.rejects, second.rejects, third.rejects)] == [
        1,
        2,
        3,
    ]
    kept = [entry.rejects[1]["record"] for entry in (first, second, third)]
    assert kept[0] == kept[1] == kept[2]
    if isinstance(kept[0], str):
        reasons = {entry.rejects[1]["planhat_rejection"]["reason"] for entry in (first, second, third)}
        assert len(reasons) == 1
    third.rejects[1]["record"] = {"external_id": f"replace_lone_surrogates {case}", "name": "x"}
    replace_lone_surrogates = replay(box, third)
    assert replace_lone_surrogates.summary == {"companies": {"created": 1}}
    assert replace_lone_surrogates.rejects == []


def test_the_text_of_the_line_is_kept_with_the_wrong_bytes_escaped(box: Sandbox) -> None:
    bad, _, _ = BAD["not UTF-8"]
    finished = go(box, SCHEMA, good("c1"), bad)
    assert finished.rejects[1]["record"] == bad.strip().decode("utf-8", "backslashreplace")


def test_the_policy_decides_whether_the_run_goes_on(box: Sandbox) -> None:
    bad, told, _ = BAD["broken"]
    finished = go(box, SCHEMA, good("d1"), bad.rstrip(b"\n") + b"\n", good("d2"), state(1), max_rejects=0)
    assert told in str(finished.error)
    assert finished.states == []
    assert sum(finished.summary["companies"].values()) == 3


def test_a_batch_of_bad_lines_alone_is_judged_too(box: Sandbox) -> None:
    bad, _, _ = BAD["a list"]
    finished = go(box, SCHEMA, bad * 50, good("e1"), max_rejects=9, batch_size_rows=5)
    assert "max_rejects is 9" in str(finished.error)
    assert finished.summary["companies"]["rejected"] == 10


def test_lines_of_a_stream_that_stream_maps_leave_out_are_left_out_as_well(box: Sandbox) -> None:
    bad, _, _ = BAD["broken"]
    finished = go(box, SCHEMA, good("f1"), bad.rstrip(b"\n") + b"\n", stream_maps={"companies": None})
    assert finished.error is None
    assert finished.summary == {"companies": {"skipped": 2}}


def test_a_line_of_a_stream_that_became_several_is_rejected_once(box: Sandbox) -> None:
    maps = {"companies": {}, "more": {"__source__": "companies"}}
    streams = {"more": {"model": "companies"}}
    finished = go(box, SCHEMA, BAD["a list"][0], stream_maps=maps, streams=streams)
    assert finished.summary == {"companies": {"rejected": 1}}
    assert len(finished.rejects) == 2


@pytest.mark.parametrize("way", ["plain", "gzip"])
def test_lines_of_batch_files(box: Sandbox, tmp_path: Path, way: str) -> None:
    import gzip  # noqa: PLC0415 # for this test alone

    content = b'\xef\xbb\xbf{"external_id": "g1", "name": "x"}\n\n{"external_id": "bad", "name": "\xe9"}\n[1]\n{"a"\n'
    file = tmp_path / "rows"
    file.write_bytes(gzip.compress(content) if way == "gzip" else content)
    encoding = {"format": "jsonl", "compression": "gzip" if way == "gzip" else "none"}
    batch = {"type": "BATCH", "stream": "companies", "encoding": encoding, "manifest": [str(file)]}
    finished = go(box, SCHEMA, batch, state(1))
    assert finished.error is None
    assert finished.states == [1]
    assert finished.summary["companies"].pop("rejected") == 3
    reasons = [entry["reason"] for entry in finished.receipts if entry["reason"]]
    assert [reason.partition(" of batch file ")[0] for reason in reasons] == ["line 3", "line 4", "line 5"]
    assert all(str(file) in reason for reason in reasons)
    assert [entry["record"] for entry in finished.rejects[1:]] == [
        '{"external_id": "bad", "name": "\\xe9"}',
        [1],
        '{"a"',
    ]
    again = replay(box, finished)
    assert again.summary == {"companies": {"rejected": 3}}


@pytest.mark.parametrize("way", ["input", "batch file"])
def test_a_byte_order_mark_at_the_start_is_passed_over(box: Sandbox, way: str) -> None:
    if way == "input":
        finished = go(box, b"\xef\xbb\xbf", SCHEMA, good("h1"))
        assert finished.error is None
        assert finished.verdicts() == {"h1": "created"}
    else:
        finished = go(box, SCHEMA, b"\xef\xbb\xbf", good("h2"))
        assert isinstance(finished.error, InputError), "a mark within the input is no start"


@pytest.mark.parametrize(
    ("bad", "told"),
    [
        (
            b'{"type": "WHAT"}\n',
            "line 3 of the input: a message of type 'WHAT'; the known types are RECORD, SCHEMA, STATE",
        ),
        (b'{"type": "STATE", "value": NaN}\n', "line 3 of the input is not JSON"),
        (b'{"type": "STATE"}\n', "line 3 of the input: STATE: it has no 'value'"),
        (b"secret\n", "line 3 of the input is not JSON"),
        (line(b"{}", "tickets"), "line 3 of the input: RECORD of stream 'tickets' comes before a SCHEMA"),
        (line(b"NaN", "tickets"), "line 3 of the input: RECORD of stream 'tickets' comes before a SCHEMA"),
        (
            b'{"type": "ACTIVATE_VERSION", "stream": "tickets", "version": 1}\n',
            "line 3 of the input: ACTIVATE_VERSION of stream 'tickets' comes before",
        ),
        (
            b'{"type":"BATCH","stream":"tickets","encoding":{"format":"jsonl"},"manifest":[]}\n',
            "line 3 of the input: BATCH of stream 'tickets' comes before",
        ),
        (
            b'{"type":"BATCH","stream":"companies","encoding":{"format":"jsonl"},"manifest":["a\\u0000b"]}\n',
            "cannot read batch file",
        ),
        (
            b'{"type":"BATCH","stream":"companies","encoding":{"format":"jsonl"},"manifest":["file://["]}\n',
            "cannot read batch file",
        ),
    ],
)
def test_what_is_no_row_ends_the_run(box: Sandbox, bad: bytes, told: str) -> None:
    finished = go(box, SCHEMA, good("i1"), bad, state(1))
    assert isinstance(finished.error, (InputError, RecordsWithoutSchemaException))
    assert exit_code(finished.error) == ExitCode.INPUT
    assert told in str(finished.error)
    assert finished.states == []


@pytest.mark.parametrize(
    ("columns", "told"),
    [
        ({"a": {"type": "strng"}}, "column 'a' is not JSON Schema: type is 'strng'; the types"),
        ({"a": {"properties": {"b": {"minimum": "x"}}}}, "column 'a' is not JSON Schema: properties.b.minimum"),
        ({"a": {"enum": "secret"}}, "column 'a' is not JSON Schema: enum is not allowed by JSON Schema"),
        ({"a": 5}, "column 'a' is not JSON Schema: it"),
    ],
)
def test_a_schema_that_is_not_json_schema_is_told_with_its_column(
    box: Sandbox, columns: dict[str, Any], told: str
) -> None:
    finished = go(box, schema("companies", columns), line(b'{"a": "secret"}'))
    assert isinstance(finished.error, InputError)
    assert str(finished.error).startswith("line 1 of the input: stream 'companies': the schema of ")
    assert told in str(finished.error)
    assert "secret" not in str(finished.error)
    assert finished.summary == {"companies": {"unsent": 1}}


@pytest.mark.parametrize(
    "column",
    [{"type": "number", "exclusiveMaximum": True, "maximum": 9}, True, {"anyOf": [True, {"type": "null"}]}, {}],
)
def test_schemas_of_all_drafts_are_taken(box: Sandbox, column: Any) -> None:
    sent = schema("companies", {"external_id": TEXT, "name": TEXT, "mr": column}, "external_id")
    finished = go(box, sent, line(b'{"external_id": "j1", "name": "x", "mr": 0.5}'))
    assert finished.error is None
    assert finished.verdicts()["j1"] in {"created", "updated", "unchanged"}


def test_a_schema_that_nests_too_deeply(box: Sandbox) -> None:
    column: dict[str, Any] = {}
    for _ in range(90):
        column = {"items": column}
    assert go(box, schema("companies", {"external_id": TEXT, "name": TEXT, "tags": column})).error is None
    for _ in range(20):
        column = {"items": column}
    told = str(go(box, schema("companies", {"tags": column})).error)
    assert told == "line 1 of the input is nested more than 100 levels deep"


def test_a_key_that_the_schema_lacks_ends_the_run_at_its_schema(box: Sandbox) -> None:
    columns = {f"column{number}": TEXT for number in range(20)}
    finished = go(box, schema("companies", {"external_id": TEXT, **columns}, "externalid"), good("k1"))
    assert isinstance(finished.error, SettingsError)
    assert exit_code(finished.error) == ExitCode.SETTINGS
    told = str(finished.error)
    assert told.startswith("stream 'companies': its key is column 'externalid', which its schema lacks.")
    assert "Did you mean 'external_id'?" in told
    assert "'external_id', 'column0'" in told
    assert "and 11 more" in told
    assert finished.summary == {"companies": {"unsent": 1}}


def test_a_key_that_a_stream_map_takes_away_ends_the_run_at_its_schema(box: Sandbox) -> None:
    maps = {"companies": {"sourceId": "external_id", "name": "name", "__else__": None, "__key_properties__": ["gone"]}}
    finished = go(box, SCHEMA, good("l1"), stream_maps=maps)
    assert finished.error is not None
    assert exit_code(finished.error) == ExitCode.SETTINGS
    assert "gone" in str(finished.error)


EMPTY: list[dict[str, Any]] = [
    {},
    {"type": "object"},
    {"properties": {}},
    {"type": "object", "additionalProperties": True},
]


@pytest.mark.parametrize("empty", EMPTY)
def test_columns_of_a_schema_without_any_come_from_the_records(box: Sandbox, empty: dict[str, Any]) -> None:
    sent = {"type": "SCHEMA", "stream": "companies", "schema": empty, "key_properties": []}
    first, later = {"external_id": "m1", "name": "x"}, {"external_id": "m2", "name": "y", "phase": "z", "odd_one": 1}
    finished = go(box, sent, *records("companies", [first]), sent, *records("companies", [later]), state(1))
    assert finished.error is None
    assert finished.states == [1]
    assert finished.rejects == []
    assert {row["externalId"]: row.get("phase") for row in box.rows("companies")}["m2"] == "z"


def test_a_schema_without_columns_is_in_the_rejects_as_it_came_and_a_replay_works(box: Sandbox) -> None:
    sent = {"type": "SCHEMA", "stream": "companies", "schema": {}, "key_properties": []}
    finished = go(box, sent, *records("companies", [{"external_id": "n1", "name": None}]))
    assert finished.summary == {"companies": {"rejected": 1}}
    assert finished.rejects[0] == sent
    finished.rejects[1]["record"]["name"] = "x"
    assert replay(box, finished).summary == {"companies": {"created": 1}}


def test_lines_before_the_record_that_names_the_columns_wait_for_it(box: Sandbox) -> None:
    sent = {"type": "SCHEMA", "stream": "companies", "schema": {}, "key_properties": ["external_id"]}
    version = {"type": "ACTIVATE_VERSION", "stream": "companies", "version": 1}
    finished = go(box, sent, version, line(b"{}"), line(b"[1]"), state(1), good("o1"), good("o2"), state(2))
    assert finished.error is None
    assert finished.states[-1] == 2
    assert finished.summary["companies"].pop("rejected") == 2
    assert [entry["record"] for entry in finished.rejects[1:]] == [{}, [1]]


def test_lines_that_wait_are_taken_when_another_schema_names_the_columns(box: Sandbox) -> None:
    sent = {"type": "SCHEMA", "stream": "companies", "schema": {}, "key_properties": ["external_id"]}
    finished = go(box, sent, line(b"[1]"), SCHEMA, good("r1"), state(1))
    assert finished.error is None
    assert finished.states == [1]
    assert finished.summary == {"companies": {"created": 1, "rejected": 1}}


def test_a_stream_whose_columns_nobody_names_ends_the_run(box: Sandbox) -> None:
    sent = {"type": "SCHEMA", "stream": "companies", "schema": {}, "key_properties": []}
    finished = go(box, sent, line(b"[1]"), state(1))
    assert isinstance(finished.error, InputError)
    assert "the SCHEMA of stream 'companies' names no columns, and no record does either: line 2" in str(finished.error)
    assert finished.states == []
    assert go(box, sent, state(1)).states == [1]


def test_columns_of_a_first_record_that_lead_nowhere_end_the_run(box: Sandbox) -> None:
    sent = {"type": "SCHEMA", "stream": "companies", "schema": {}, "key_properties": []}
    finished = go(box, sent, line(b'{"extern_id": "p1", "name": "x"}'))
    assert isinstance(finished.error, SettingsError)
    assert "did you mean 'externalId'?" in str(finished.error)


def test_a_batch_of_a_stream_without_columns(box: Sandbox, tmp_path: Path) -> None:
    file = tmp_path / "rows"
    file.write_bytes(b'{"external_id": "q1", "name": "x"}\n{"external_id": "q2", "name": "x"}\n')
    sent = {"type": "SCHEMA", "stream": "companies", "schema": {}, "key_properties": []}
    batch = {"type": "BATCH", "stream": "companies", "encoding": {"format": "jsonl"}, "manifest": [str(file)]}
    finished = go(box, sent, batch)
    assert finished.error is None
    assert finished.summary == {"companies": {"created": 2}}
