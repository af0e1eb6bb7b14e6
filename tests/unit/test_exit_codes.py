"""Tap and target end for the same reason with the same code, and the page for users says which."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import singer_sdk.exceptions as sdk

import planhat_api.errors as of_client
import tap_planhat.start
import target_planhat.start
from planhat_api.plugin.exit_codes import SDK_CODES, SIGNALS, ExitCode, exit_code
from planhat_api.plugin.output import ClosedOutputError, OutputError
from target_planhat.errors import GuardError, InputError, RejectsError, SettingsError

PAGE = (Path(__file__).parents[2] / "docs" / "exit-codes.md").read_text("utf-8")
BY_SIGNALS = ["130, 143"]


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (of_client.PlanhatError("x"), 1),
        (of_client.PayloadError("x"), 1),
        (of_client.ConfigurationError("x", "y"), 2),
        (of_client.NotFoundError("x"), 2),
        (of_client.UnknownHostError("x"), 2),
        (of_client.CredentialsError("x"), 3),
        (of_client.AccessError("x"), 3),
        (of_client.RateLimitError("x"), 5),
        (of_client.UnavailableError("x"), 5),
        (of_client.AnswerTooLargeError("x"), 5),
        (ClosedOutputError("x"), 1),
        (OutputError("x"), 7),
        (SettingsError("x"), 2),
        (RejectsError("x"), 4),
        (InputError("x"), 6),
        (GuardError("x"), 10),
        (sdk.ConfigValidationError("x"), 2),
        (sdk.MapExpressionError("x"), 2),
        (sdk.SchemaNotFoundError("x"), 2),
        (sdk.RecordsWithoutSchemaException("x"), 6),
        (sdk.FatalAPIError("x"), 1),
        (ValueError("x"), 1),
    ],
    ids=lambda each: type(each).__name__ if isinstance(each, Exception) else None,
)
def test_an_error_has_one_code(error: Exception, code: int) -> None:
    assert exit_code(error) == code


def test_the_errors_of_the_sdk_have_the_names_they_are_known_by() -> None:
    assert all(issubclass(getattr(sdk, name), Exception) for name in SDK_CODES)


def test_the_page_tells_every_code_and_no_other() -> None:
    of_target, of_tap = (
        re.findall(r"^\| ([0-9, ]+) \|", part, re.MULTILINE) for part in PAGE.split("\n## tap-planhat")
    )
    assert of_target == [*(str(int(code)) for code in ExitCode), *BY_SIGNALS]
    never = {ExitCode.REJECTS, ExitCode.INPUT, ExitCode.CHANGES, ExitCode.DRIFTED, ExitCode.GUARD}
    assert of_tap == [*(str(int(code)) for code in ExitCode if code not in never), *BY_SIGNALS]
    assert "; 4, 6 and 8 to 10 do not occur." in PAGE


def test_the_page_tells_what_each_code_of_the_target_means() -> None:
    said = dict(re.findall(r"^\| (\d+) \| ([^|]*) \|", PAGE.split("\n## tap-planhat")[0], re.MULTILINE))
    words = {
        ExitCode.DONE: "delivered",
        ExitCode.FAULT: "an error in the target itself",
        ExitCode.SETTINGS: "wrong settings",
        ExitCode.CREDENTIALS: "refuses the token",
        ExitCode.REJECTS: "rejects beyond",
        ExitCode.UNAVAILABLE: "could not be reached",
        ExitCode.INPUT: "not a Singer message",
        ExitCode.OUTPUT: "no room",
        ExitCode.CHANGES: "contains changes",
        ExitCode.DRIFTED: "changed in Planhat meanwhile",
        ExitCode.GUARD: "would change more",
    }
    assert [code for code, word in words.items() if word not in said[str(int(code))]] == []
    assert set(words) == set(ExitCode)


def test_signals_count_from_the_same_number_before_anything_is_imported() -> None:
    assert tap_planhat.start._SIGNALS == target_planhat.start._SIGNALS == SIGNALS
    assert tap_planhat.start._SETTINGS == ExitCode.SETTINGS
