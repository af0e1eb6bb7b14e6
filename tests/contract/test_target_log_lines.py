"""Names that come from elsewhere cannot begin a line of the log, nor reach into the terminal."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planhat_sandbox import Sandbox
from target_planhat.errors import StopError, log_error
from tests.log_support import assert_told_well, logged
from tests.target_support import records, run, schema, state

if TYPE_CHECKING:
    from collections.abc import Iterator

TRICKY = "x\n2026-01-01 00:00:00,000 | INFO     | target-planhat | all is well \x1b[31m\x7f\x85\u2028\u202e"
NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12) | st.just(TRICKY)


@pytest.fixture(scope="module")
def box() -> Iterator[Sandbox]:
    with Sandbox(companies=3, seed=1, switches={"calls_per_minute": 0}) as sandbox:
        yield sandbox


def told(box: Sandbox, messages: list[dict[str, Any]], level: int = logging.INFO, **chosen: Any) -> str:
    with logged(level) as log:
        finished = run(box, messages, **{"max_rejects": "100%", **chosen})
        if finished.error:
            log_error(finished.error, logging.getLogger("target-planhat"))
    assert_told_well(log.getvalue())
    return log.getvalue()


@settings(max_examples=100, deadline=None)
@given(names=st.tuples(NAMES, NAMES, NAMES, NAMES), level=st.sampled_from([logging.DEBUG, logging.INFO]))
def test_any_text_as_a_name(box: Sandbox, names: tuple[str, str, str, str], level: int) -> None:
    key, column, stream, field = names
    blocks = {"streams": {stream: {"model": "companies"}}}
    columns = {"external_id": {}, "name": {}, "custom": {"type": ["object", "null"]}}
    rows: list[dict[str, Any]] = [
        {"external_id": key, "name": None, "custom": None},
        {"external_id": key, "name": "n", "custom": {field: 1}},
        {"external_id": key, "name": "n", column: 1},
    ]
    sent = [schema(stream, columns, "external_id"), *records(stream, rows), state(1)]
    log = told(box, sent, level, **blocks)
    summary = next(line for line in log.splitlines() if "| SUMMARY " in line)
    assert list(json.loads(summary.partition("| SUMMARY ")[2])["streams"]) == [stream]
    told(box, [schema(stream, {column: {}}, "external_id")], level, **blocks)
    told(box, [schema(stream, {column: {}, "name": {}}), *records(stream, [{column: key}])], level, **blocks)
    told(box, [schema(stream, columns)], level)
    told(box, [{"type": column}], level)
    told(box, [{"type": "STATE", column: key}], level)


def test_each_problem_is_a_line_of_its_own_and_no_name_makes_more(box: Sandbox) -> None:
    log = told(box, [schema("companies", {"odd\nERROR one": {}, "odd two": {}})])
    lines = [line.partition(" | ERROR    | target-planhat                 | ")[2] for line in log.splitlines()]
    problems = [line for line in lines if line]
    assert problems[0] == "stream 'companies' cannot go to Company:"
    assert [problem.partition(" leads ")[0] for problem in problems[1:]] == [
        r"  column 'odd\nERROR one'",
        "  column 'odd two'",
    ]


def test_an_error_says_all_its_problems() -> None:
    assert str(StopError("two problems:", ["one", "two"])) == "two problems:\n  one\n  two"


def test_a_name_without_end_is_cut(box: Sandbox) -> None:
    long = "x" * 1_000_000
    for messages in (
        [{"type": "RECORD", "stream": long, "record": {}}],
        [{"type": long}],
        [schema("companies", {long: {}}, "external_id")],
        [schema("companies", {"external_id": {}, "name": {}}), *records("companies", [{"external_id": long}])],
    ):
        assert max(map(len, told(box, messages).splitlines())) < 11_000
