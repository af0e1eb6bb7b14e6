"""What is logged is one line for each event, without control characters, without secrets, and of a sensible length."""

from __future__ import annotations

import io
import json
import logging
import logging.config
import sys
import unicodedata
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from singer_sdk.logging import ConsoleFormatter, StructuredFormatter
from singer_sdk.metrics import Metric, Point

from planhat_api.logs import LONGEST, SafeLogFilter, make_logs_safe, one_line
from planhat_api.redaction import keep_secret

if TYPE_CHECKING:
    from collections.abc import Iterator

TRICKY = "a\nINFO nobody said so \x1b[31m\x7f\x85\u2028\u2029\u202e\u2066\ufeff\ud800\U000e0041é🎉"


@contextmanager
def written(formatter: logging.Formatter) -> Iterator[tuple[logging.Logger, io.StringIO]]:
    out = io.StringIO()
    handler = logging.StreamHandler(out)
    handler.setFormatter(formatter)
    handler.addFilter(SafeLogFilter())
    logger = logging.Logger("test", logging.DEBUG)  # noqa: LOG001 # one that nobody else has
    logger.addHandler(handler)
    yield logger, out


def plain(message: Any, *args: Any, **more: Any) -> str:
    with written(ConsoleFormatter()) as (logger, out):
        logger.error(message, *args, **more)
        return out.getvalue()


def is_safe(text: str) -> bool:
    return not any(unicodedata.category(one) in {"Cc", "Zl", "Zp", "Cs"} or one in "\u202e\u2066\ufeff" for one in text)


def test_characters_that_are_not_safe_are_escaped_and_others_stay() -> None:
    assert one_line(TRICKY) == (
        r"a\nINFO nobody said so \u001b[31m\u007f\u0085\u2028\u2029\u202e\u2066\ufeff\ud800\udb40\udc41é🎉"
    )
    assert one_line("naïve 名前 👩‍💻 C:\\new") == "naïve 名前 👩‍💻 C:\\new"


@given(st.text(st.characters()))
def test_any_text_becomes_one_safe_line_that_json_reads_as_the_same_text(text: str) -> None:
    line = one_line(text)
    assert is_safe(line)
    assert one_line(line) == line
    encoded = json.dumps(text, ensure_ascii=False)
    assert json.loads(one_line(encoded)) == text


@given(st.text(st.characters(), max_size=50), st.text(st.characters(), min_size=1, max_size=50))
def test_messages_arguments_and_names_of_loggers_are_made_safe(text: str, name: str) -> None:
    with written(ConsoleFormatter()) as (logger, out):
        logger.name = name
        logger.warning("%s!", text)
        logger.warning(text.replace("%", ""))
    lines = out.getvalue().split("\n")
    assert len(lines) == 3
    assert all(map(is_safe, lines))


def test_texts_without_end_are_cut() -> None:
    told = plain("stream %s is gone", "x" * 1_000_000)
    assert len(told) < LONGEST + 200
    assert "(cut, 1000015 characters)" in told
    assert len(plain("%s", "\x1b" * 1_000_000)) < LONGEST + 200


def test_lines_of_a_trace_cannot_pass_for_messages() -> None:
    fault = ValueError("bad\n2026-01-01 00:00:00,000 | INFO | target | all is well\x1b[2J")
    first, *rest = plain("it broke", exc_info=fault).splitlines()
    assert first.endswith("| it broke")
    assert all(line.startswith("    | ") for line in rest)
    assert rest[-1] == r"    | 2026-01-01 00:00:00,000 | INFO | target | all is well\u001b[2J"


def test_two_handlers_write_the_same() -> None:
    with written(ConsoleFormatter()) as (logger, first), written(ConsoleFormatter()) as (other, second):
        logger.addHandler(other.handlers[0])
        logger.error(TRICKY, exc_info=KeyError(TRICKY))
    assert first.getvalue() == second.getvalue()


def test_secrets_are_hidden_in_messages_and_traces_of_all_loggers() -> None:
    keep_secret("sesame-1234")
    assert "sesame" not in plain("call with %s", "sesame-1234")
    for formatter in (ConsoleFormatter(), StructuredFormatter()):
        with written(formatter) as (logger, out):
            logger.error("it broke", exc_info=KeyError("sesame-1234"))
        assert "it broke" in out.getvalue()
        assert "sesame" not in out.getvalue()


def test_structured_logs_are_safe_and_keep_the_parts_of_a_metric() -> None:
    with written(StructuredFormatter()) as (logger, out):
        logger.error("%s", TRICKY)
        logger.info("METRIC: %s", Point("counter", Metric.RECORD_COUNT, 3, {"stream": TRICKY}))
    message, metric = map(json.loads, out.getvalue().splitlines())
    assert is_safe(message["message"])
    assert metric["metric_info"]["value"] == 3
    assert out.getvalue().isascii()


def test_a_message_whose_arguments_do_not_fit_is_still_logged() -> None:
    assert "%s and %s" in plain("%s and %s", "one")


@pytest.fixture
def separate_loggers(monkeypatch: pytest.MonkeyPatch) -> logging.Logger:
    root = logging.RootLogger(logging.INFO)
    manager = logging.Manager(root)
    monkeypatch.setattr(logging, "root", root)
    monkeypatch.setattr(logging.Logger, "root", root)
    monkeypatch.setattr(logging.Logger, "manager", manager)
    monkeypatch.setattr(root, "manager", manager, raising=False)
    return root


def test_all_handlers_of_a_process_are_covered_once(separate_loggers: logging.Logger) -> None:
    ours, theirs = logging.StreamHandler(sys.stderr), logging.StreamHandler(sys.stderr)
    separate_loggers.addHandler(ours)
    logging.getLogger("library.part").addHandler(theirs)
    for _ in range(2):
        make_logs_safe()
    assert [len(handler.filters) for handler in (ours, theirs)] == [1, 1]


def test_a_line_that_cannot_be_written_does_not_show_its_arguments(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A signal that arrives while a line is written makes the write fail."""

    class Interrupted(io.StringIO):
        def write(self, text: str) -> int:
            raise RuntimeError(text)

    logger = logging.Logger("test", logging.DEBUG)  # noqa: LOG001 # one that nobody else has
    logger.addHandler(logging.StreamHandler(Interrupted()))
    monkeypatch.setattr(logging, "raiseExceptions", True)
    logger.info("of %s", "anna@acme.example")
    assert "anna@acme.example" in capsys.readouterr().err
    make_logs_safe()
    logger.info("of %s", "anna@acme.example")
    assert not capsys.readouterr().err
