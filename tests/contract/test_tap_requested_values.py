"""Settings that narrow a stream to what does not exist, and days that do not either."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest

from planhat_api.errors import ConfigurationError
from planhat_sandbox import Sandbox
from tap_planhat.records import page_stream
from tests.tap_support import config_for, run

if TYPE_CHECKING:
    from collections.abc import Iterator

_TODAY = datetime.now(timezone.utc).date()
_STREAM = "dimension_data"


def _day(days_ago: int) -> str:
    return (_TODAY - timedelta(days=days_ago)).isoformat()


@pytest.fixture(scope="module")
def box() -> Iterator[Sandbox]:
    with Sandbox(companies=4, seed=3, days=60) as sandbox:
        yield sandbox


def _told(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [entry.getMessage() for entry in caplog.records if "found no rows" in entry.getMessage()]


@pytest.mark.parametrize("fast", [True, False], ids=["bytes", "general"])
@pytest.mark.parametrize("partition_by", ["none", "dimension"])
def test_ids_without_points_are_told_once_at_the_end(
    box: Sandbox,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    partition_by: str,
    *,
    fast: bool,
) -> None:
    monkeypatch.setattr(page_stream, "sdk_is_supported", lambda: fast)
    company = box.rows("dimensiondata")[0]["companyId"]
    ids = {"dimension_ids": ["logins", "lgoins"], "company_ids": ["0" * 24, company]}
    output = run(config_for(box, partition_by=partition_by, start_date=_day(50), **ids), _STREAM)
    assert output.ids(_STREAM)
    assert _told(caplog) == [
        "dimension_ids: found no rows of 'dimension_data' for 'lgoins'",
        f"company_ids: found no rows of 'dimension_data' for '{'0' * 24}'",
    ]
    caplog.clear()
    run(config_for(box, partition_by=partition_by, start_date=_day(50), **ids), _STREAM, state=output.state)
    assert _told(caplog) == []


def test_many_ids_without_points_are_one_line_in_each_run(box: Sandbox, caplog: pytest.LogCaptureFixture) -> None:
    config = config_for(box, dimension_ids=[f"d{number}" for number in range(8)], start_date=_day(9))
    state = run(config, _STREAM).state
    run(config, _STREAM, state=state)
    line = "dimension_ids: found no rows of 'dimension_data' for 'd0', 'd1', 'd2', 'd3', 'd4' and 3 more"
    assert _told(caplog) == [line, line]


def test_types_that_no_conversation_has(box: Sandbox, caplog: pytest.LogCaptureFixture) -> None:
    config = config_for(box, conversation_types=["note", "emial", "note"], incremental=True)
    output = run(config, "conversations", "notes")
    assert output.ids("conversations")
    assert _told(caplog) == ["conversation_types: found no rows of 'conversations' for 'emial'"]
    caplog.clear()
    run(config, "conversations", state=output.state)
    assert _told(caplog) == []


@pytest.mark.parametrize("narrow", [{}, {"dimension_ids": ["logins"]}, {"dimension_ids": [" "]}])
def test_nothing_is_told_where_all_came(box: Sandbox, caplog: pytest.LogCaptureFixture, narrow: dict[str, Any]) -> None:
    run(config_for(box, start_date=_day(50), **narrow), _STREAM, "conversations")
    assert _told(caplog) == []


@pytest.mark.parametrize(
    ("dates", "told"),
    [
        (
            {"start_date": "2024-05-02", "end_date": "2024-05-01"},
            "end_date: 2024-05-01 lies before start_date, 2024-05-02: there are no days to read",
        ),
        ({"start_date": _day(-1)}, f"start_date: is in the future: {_day(-1)}; today is {_day(0)} (UTC)"),
        ({"start_date": _day(-9), "end_date": _day(-3)}, f"start_date: is in the future: {_day(-9)}"),
        (
            {"end_date": "2020-01-31T23:00:00Z"},
            f"end_date: 2020-01-31 lies before the first day that is read when there is no start_date, {_day(730)}",
        ),
    ],
)
def test_dates_between_which_there_are_no_days(box: Sandbox, dates: dict[str, str], told: str) -> None:
    box.forget_calls()
    with pytest.raises(ConfigurationError) as caught:
        run(config_for(box, **dates), "companies")
    assert told in str(caught.value)
    assert not box.calls


@pytest.mark.parametrize("dates", [{"start_date": _day(0)}, {"start_date": _day(3), "end_date": _day(3)}])
def test_a_single_day_is_enough(box: Sandbox, dates: dict[str, str]) -> None:
    assert run(config_for(box, **dates), _STREAM).messages
