"""The small parts: policy, checkpoint, files, termination, settings."""

from __future__ import annotations

import json
import logging
import os
import signal
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from planhat_api import ConfigurationError, Deadline
from planhat_api.plugin import stop_requests as plugin_signals
from target_planhat.delivery.sender import Sender
from target_planhat.errors import RejectsError, SettingsError
from target_planhat.intake.checkpoint import Checkpoint
from target_planhat.intake.signals import Termination
from target_planhat.outcomes.policy import RejectPolicy
from target_planhat.outcomes.rejects import Rejects
from target_planhat.outcomes.run_file import RunFile
from target_planhat.settings import AllowedRejects, TargetSettings
from target_planhat.tenant.addresses import Addresses

if TYPE_CHECKING:
    from pathlib import Path


@given(st.integers(0, 300), st.integers(0, 300), st.integers(0, 300), st.integers(0, 100))
def test_policy_allows_up_to_its_limits(rejected: int, good: int, most: int, percent: int) -> None:
    policy = RejectPolicy(AllowedRejects(rows=most, percent=percent))
    too_many = rejected > most or (rejected > 0 and rejected / (rejected + good) * 100 > percent + 1e-9)
    if too_many:
        with pytest.raises(RejectsError):
            policy.check(rejected, rejected + good, "first", at_end=True)
    else:
        policy.check(rejected, rejected + good, "first", at_end=True)


def test_a_share_of_few_records_is_judged_at_the_end_only() -> None:
    policy = RejectPolicy(AllowedRejects(percent=10))
    policy.check(1, 1, "first")
    with pytest.raises(RejectsError, match="max_rejects is 10%"):
        policy.check(1, 1, "first", at_end=True)
    with pytest.raises(RejectsError):
        policy.check(11, 100, "first")


def test_checkpoint_is_due_after_its_interval() -> None:
    now = 0.0
    checkpoint = Checkpoint(30, lambda: now)
    now = 29.9
    assert not checkpoint.due
    now = 30.0
    assert checkpoint.due
    checkpoint.done()
    assert not checkpoint.due


def test_run_files_never_overwrite_each_other(tmp_path: Path) -> None:
    first, second = RunFile("rejects_dir", str(tmp_path), "r", ".x"), RunFile("rejects_dir", str(tmp_path), "r", ".x")
    second.path = first.path
    for number, file in enumerate((first, second)):
        file.write(str(number).encode())
        file.close()
    assert sorted(path.read_text() for path in tmp_path.iterdir()) == ["0\n", "1\n"]


def test_run_files_appear_only_when_needed(tmp_path: Path) -> None:
    RunFile("rejects_dir", str(tmp_path / "deep" / "er"), "r", ".x").close()
    assert list((tmp_path / "deep" / "er").iterdir()) == []


def test_rejects_repeat_a_schema_that_changed(tmp_path: Path) -> None:
    rejects = Rejects(str(tmp_path))
    schemas: list[dict[str, Any]] = [{"properties": {name: {}}} for name in "ab"]
    for schema in schemas:
        rejects.announce("s", schema, ["a"])
        rejects.announce("s", schema, ["a"])
        for _ in range(2):
            rejects.add("s", b'{"a":1.50}', reason="r", uncertain=False, attempt=1)
    rejects.close()
    assert rejects.path
    lines = rejects.path.read_bytes().splitlines()
    assert [json.loads(line)["type"] for line in lines] == ["SCHEMA", "RECORD", "RECORD", "SCHEMA", "RECORD", "RECORD"]
    assert b'"record":{"a":1.50}' in lines[1]


def test_sender_keeps_the_order_and_hands_errors_out_once() -> None:
    sender = Sender()
    seen: list[int] = []

    def fail() -> int:
        msg = "broken"
        raise ValueError(msg)

    sender.submit(lambda: 1, seen.append)
    sender.submit(lambda: 2, seen.append)
    assert seen == [1]
    sender.submit(fail, seen.append)
    assert seen == [1, 2]
    with pytest.raises(ValueError, match="broken"):
        sender.wait()
    sender.wait()
    sender.close()


def test_a_signal_is_only_noted_while_a_message_is_handled(monkeypatch: pytest.MonkeyPatch) -> None:
    finished: list[bool] = []
    codes: list[int] = []
    waiting = False
    termination = Termination(logging.getLogger("test"), Deadline(), lambda: waiting, lambda: finished.append(True))
    termination.handle(signal.SIGTERM)
    assert termination.requested
    assert finished == []
    with pytest.raises(SystemExit) as caught:
        termination.end()
    assert (caught.value.code, finished) == (143, [True])
    monkeypatch.setattr(os, "_exit", codes.append)
    termination.handle(signal.SIGINT)
    assert codes == [], "it came with the first"
    monkeypatch.setattr(plugin_signals, "_SAME_REQUEST", 0.0)
    termination.handle(signal.SIGINT)
    assert codes == [130]


def test_a_signal_while_waiting_ends_at_once() -> None:
    finished: list[bool] = []
    termination = Termination(logging.getLogger("test"), Deadline(), lambda: True, lambda: finished.append(True))
    with pytest.raises(SystemExit):
        termination.handle(signal.SIGTERM)
    assert finished == [True]


@pytest.mark.parametrize(
    ("config", "told"),
    [
        ({"max_rejects": "100%"}, "needs rejects_dir"),
        ({"max_rejects": 1}, "needs rejects_dir"),
        ({"streams": {"a": {"kye": "x"}}}, "Did you mean 'key'?"),
        ({"streams": {"a": {"clear": ["name"]}}}, "'clear' any more: name these fields in nulls"),
        ({"streams": {"a": {"read_only": "send"}}}, "'read_only' any more: name in columns each column"),
        ({"streams": {"a": {"endpoint": "one"}}}, "'endpoint' any more: leave it out"),
    ],
)
def test_settings_that_contradict_each_other(config: dict[str, Any], told: str) -> None:
    with pytest.raises(SettingsError) as caught:
        TargetSettings.from_config(config)
    assert told in str(caught.value)


def test_blocks_fall_back_to_the_general_settings() -> None:
    blocks = {"a": {"mode": "insert", "key": None}, "c": {"nulls": ["name"], "unknown_columns": None}}
    settings = TargetSettings.from_config({"nulls": "clear", "load_method": "update", "streams": blocks})
    assert (settings.of_stream("a").mode, settings.of_stream("a").nulls) == ("insert", "clear")
    assert (settings.of_stream("b").mode, settings.of_stream("c").nulls) == ("update", ("name",))
    assert settings.of_stream("c").unknown_columns == "refuse"


def test_a_list_of_nulls_clears_these_fields_alone() -> None:
    blocks = {"a": {"nulls": ["phase"]}, "b": {"nulls": []}}
    settings = TargetSettings.from_config({"nulls": "clear", "streams": blocks})
    assert settings.of_stream("a").cleared == ("phase",)
    assert settings.of_stream("b").cleared == settings.of_stream("c").cleared == ()
    assert [settings.of_stream(stream).nulls == "clear" for stream in "abc"] == [False, False, True]


@pytest.mark.parametrize(
    ("setting", "rows", "percent"),
    [
        (None, 0, None),
        (0, 0, None),
        ("0", 0, None),
        ("0%", 0, None),
        (7, 7, None),
        (7.0, 7, None),
        ("100", 100, None),
        (" 5 % ", None, 5),
        ("99%", None, 99),
        ("100%", None, None),
    ],
    ids=repr,
)
def test_rejects_are_allowed_by_number_or_share(setting: Any, rows: int | None, percent: int | None) -> None:
    settings = TargetSettings.from_config({"max_rejects": setting, "rejects_dir": "x"})
    assert settings.allowed_rejects == AllowedRejects(rows, percent)


@pytest.mark.parametrize(
    "setting",
    ["", "some", "5 percent", "%", "-1", -1, 2.5, "2.5%", "101%", "9" * 5000, "1e3", True, [5]],
    ids=lambda one: repr(one)[:20],
)
def test_what_is_neither_a_number_nor_a_share_of_rejects_is_told(setting: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"^max_rejects: must be ") as caught:
        TargetSettings.from_config({"max_rejects": setting, "rejects_dir": "x"})
    assert caught.value.setting == "max_rejects"


@pytest.mark.parametrize(
    ("config", "told"),
    [
        ({"load_method": "Marmalade"}, "load_method: must be one of insert, update, upsert"),
        ({"checkpoint_seconds": "Marmalade"}, "checkpoint_seconds: must be a whole number of at least 1"),
        ({"batch_size_rows": 5_001}, "batch_size_rows: must be a whole number from 1 to 5000"),
        ({"hard_delete": "Marmalade"}, "hard_delete: must be true or false"),
        ({"rejects_dir": ["Marmalade"]}, "rejects_dir: must be text"),
        ({"streams": {"a": "Marmalade"}}, "streams: must be an object"),
        ({"streams": {"a": {"nulls": "Marmalade"}}}, "streams.a.nulls: must be one of clear, leave_out, or a list of"),
        ({"streams": {"a": {"columns": {"x": ["Marmalade"]}}}}, "streams.a.columns: must be an object"),
    ],
)
def test_a_value_that_does_not_fit_is_not_quoted(config: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        TargetSettings.from_config(config)
    assert str(caught.value).startswith(told)
    assert "Marmalade" not in str(caught.value)


def test_a_signal_decides_the_code_and_a_later_one_ends_the_process(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    codes: list[int] = []
    termination = Termination(logging.getLogger("test"), Deadline(), lambda: False, lambda: None)
    assert termination.code_of_run(5, 3) == 5
    assert "pending" not in caplog.text
    monkeypatch.setattr(os, "_exit", codes.append)
    termination.handle(signal.SIGINT)
    assert codes == [130]
    handle = Termination(logging.getLogger("test"), Deadline(), lambda: False, lambda: None)
    handle.handle(signal.SIGTERM)
    assert handle.code_of_run(5, 3) == 143
    assert "SIGTERM: ended with 3 pending rows" in caplog.text


def test_a_file_that_fails_ends_with_a_whole_line_and_takes_no_more(tmp_path: Path) -> None:
    file = RunFile("rejects_dir", str(tmp_path), "r", ".x")
    file.write(b"one")
    file.sync()
    written = file._file
    assert written is not None
    with file.path.open("ab") as other:
        other.write(b"half of a li")
    # The disk is full: the descriptor takes no more.
    os.close(written.fileno())
    file.write(b"two")
    file.sync()
    assert str(file.fault).startswith("rejects_dir: cannot write")
    file.write(b"three")
    file.close()
    assert file.path.read_bytes() == b"one\n"


def test_addresses_are_no_longer_looked_at_when_the_temporary_file_is_full(caplog: pytest.LogCaptureFixture) -> None:
    addresses = Addresses(logging.getLogger("test"))
    addresses._file.execute("pragma max_page_count = 2")
    addresses.add(f"{place}@company.example" for place in range(1000))
    addresses.add(["a@b.example", "A@b.example"])
    assert caplog.text.count("are no longer checked for differences in case") == 1
    addresses.close()
