"""What a run in Dagster needs: secrets, files, summaries, states, failures, plans, counts."""

from __future__ import annotations

import fcntl
import hashlib
import json
import logging
import os
import stat
import subprocess
import sys
import threading
import time
from contextlib import suppress
from datetime import date, datetime, timezone
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

import dagster_planhat
from dagster_planhat.pieces import commands, landed
from dagster_planhat.pieces.catalog import UnknownStreamError, discovered, selecting
from dagster_planhat.pieces.commands import private_folder, tap_argv
from dagster_planhat.pieces.failures import HOPELESS, PipeError, failure_of
from dagster_planhat.pieces.kept_text import kept
from dagster_planhat.pieces.landed import rows_of_days, rows_of_stream, warehouse
from dagster_planhat.pieces.pipe import Ended
from dagster_planhat.pieces.plans import Plans, UnusablePlanError, check_holds_all
from dagster_planhat.pieces.redaction import Redaction
from dagster_planhat.pieces.secrets import FromEnvironment, MissingVariableError, for_tenant, names_in, with_values
from dagster_planhat.pieces.singer import Program, Runner
from dagster_planhat.pieces.states import confirms_days, confirms_streams, part_of, state_in_line, whole
from dagster_planhat.pieces.summary import LoadFigures, ReadFigures, added, load_figures, object_after, read_figures
from dagster_planhat.pieces.windows import Days
from dagster_planhat.settings import (
    Connector,
    Flow,
    History,
    Tenant,
    Warehouse,
    check_own_places,
    check_own_tokens,
)
from planhat_api import OutcomeKind
from planhat_api.http.figures import CallFigures
from planhat_api.plugin.exit_codes import ExitCode
from tap_planhat.summary import Summary as TapSummary
from target_planhat.outcomes.summary import Summary as TargetSummary
from target_planhat.plan.plan import _ADDED_TWICE

BIN = Path(sys.executable).parent
SECRET = "postgresql://user:p%40ss-word@host/db"

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return tmp_path


def test_nothing_but_the_definitions_needs_dagster() -> None:
    # Dagster is not in this environment, so these imports show it.
    assert dagster_planhat.Tenant is Tenant
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        dagster_planhat.nothing  # noqa: B018
    with pytest.raises(ModuleNotFoundError, match="dagster"):
        _ = dagster_planhat.planhat_definitions


# Secrets


def test_secrets_are_read_when_a_run_starts_and_named_for_each_tenant() -> None:
    settings = {
        "url": FromEnvironment("URL_{TENANT}"),
        "schema": "{tenant}_raw",
        "list": [FromEnvironment("B")],
        "n": 1,
    }
    own = for_tenant(settings, "acme")
    assert list(names_in(own)) == ["URL_ACME", "B"]
    assert with_values(own, {"URL_ACME": "x", "B": "y"}) == {"url": "x", "schema": "acme_raw", "list": ["y"], "n": 1}
    with pytest.raises(MissingVariableError, match="URL_ACME is not set"):
        with_values(own, {"B": "y", "URL_ACME": ""})


@given(JSON)
def test_settings_without_variables_stay_as_they_are(value: object) -> None:
    assert with_values(value, {}) == value
    assert not list(names_in(value))


@pytest.mark.parametrize("settings", [{"api_token": "t"}, {"tenant_token": "t"}])
def test_a_token_in_the_definitions_is_refused_without_being_shown(settings: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="in the environment of the workers"):
        Tenant("acme", settings=settings)
    with pytest.raises(ValueError, match="in the environment") as caught:
        Tenant("acme", api_token="abcdef-the-token")  # type: ignore[arg-type]
    assert "abcdef" not in str(caught.value)


@pytest.mark.parametrize("name", ["", "a-b", "a b", "a/b", "ä"])
def test_names_of_tenants_fit_everywhere(name: str) -> None:
    with pytest.raises(ValueError, match="name of a tenant"):
        Tenant(name)


def test_wrong_windows_are_refused() -> None:
    with pytest.raises(ValueError, match="week or month"):
        History(date(2026, 1, 1), window="day")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="at least 1"):
        History(date(2026, 1, 1), windows_per_run=0)
    with pytest.raises(ValueError, match="after its start"):
        History(date(2026, 1, 1), date(2026, 1, 1))


@pytest.mark.parametrize("second", ["ACME", "Acme", "acme"])
def test_tenants_whose_names_differ_in_capitals_would_share_a_token(second: str) -> None:
    with pytest.raises(ValueError, match="two tenants"):
        check_own_tokens([Tenant("acme"), Tenant(second)], [], [])
    check_own_tokens([Tenant("acme"), Tenant("acme_2")], [], [])


@pytest.mark.parametrize("value", ["a-token", FromEnvironment("A_TOKEN")])
def test_no_token_is_a_setting_of_all_tenants(value: object) -> None:
    tap, flow = Connector(["tap"], {"api_token": value}), Flow("back", Connector(["tap"]), {"tenant_token": value})
    for connectors, flows in (([tap], []), ([], [flow])):
        with pytest.raises(ValueError, match="of all tenants") as caught:
            check_own_tokens([Tenant("acme")], connectors, flows)
        assert "a-token" not in str(caught.value)


@pytest.mark.parametrize(
    "loader",
    [
        Connector(["loader"], {"schema": "planhat_{tenant}"}),
        Connector(["loader"], {"url": FromEnvironment("URL_{TENANT}")}),
        Connector(["loader", "--{tenant}"]),
    ],
)
def test_rows_of_two_tenants_do_not_meet_in_one_table(loader: Connector) -> None:
    same, one, two = Connector(["loader"], {"schema": "planhat"}), Tenant("acme"), Tenant("globex")
    check_own_places([one, two], loader, Warehouse("sqlite://", "planhat_{tenant}"))
    check_own_places([one], same, Warehouse("sqlite://"))
    with pytest.raises(ValueError, match="the loader is the same"):
        check_own_places([one, two], same, None)
    with pytest.raises(ValueError, match="the warehouse is the same"):
        check_own_places([one, two], loader, Warehouse("sqlite://", "planhat"))


def test_secrets_and_their_passwords_are_taken_out_of_lines() -> None:
    redaction = Redaction([SECRET, "token-1", "token-12", "", "ab"])
    assert redaction.of(f"cannot reach {SECRET}") == "cannot reach ***"
    assert redaction.of("wrong password p@ss-word, p%40ss-word") == "wrong password ***, ***"
    assert redaction.of("token-12 and token-1 about") == "*** and *** about"
    assert Redaction([]).of("anything") == "anything"


@pytest.mark.parametrize(
    ("secret", "line", "clean"),
    [
        ("p@ss word", "postgresql://user:p%40ss%20word@host", "postgresql://user:***@host"),
        ('quote"back\\slash', json.dumps({"token": 'quote"back\\slash'}), '{"token": "***"}'),
        ("grün-es-wort", json.dumps("grün-es-wort"), '"***"'),
        ("postgresql://user:p#ss/word?@host/db", "wrong password p#ss/word?", "wrong password ***"),
        ("snowflake://host/db?password=query-word&role=reader", "query-word of reader", "*** of reader"),
        ("-----BEGIN KEY-----\n  first-line-of-it\nsecond-line\n", "at first-line-of-it:", "at ***:"),
        ("-----BEGIN KEY-----\nfirst-line\n", json.dumps("-----BEGIN KEY-----\nfirst-line\n"), '"***"'),
        ("{\n}\n[many-words]", "a {} of [many-words]", "a {} of ***"),
    ],
)
def test_a_secret_is_taken_out_however_it_is_written(secret: str, line: str, clean: str) -> None:
    assert Redaction([secret]).of(line) == clean


@given(st.text(st.characters(exclude_characters="*"), min_size=4), st.text())
def test_no_text_breaks_the_redaction_and_a_secret_never_stays(secret: str, around: str) -> None:
    assert secret not in Redaction([secret]).of(f"{around}{secret}{around}")


# Files


def test_settings_are_in_a_file_of_this_user_only_and_gone_afterwards() -> None:
    with private_folder() as folder:
        argv = tap_argv(["tap-planhat"], folder, {"api_token": "secret"}, {"streams": []}, {"bookmarks": {}})
        assert "secret" not in " ".join(argv)
        assert argv[1::2] == ["--config", "--catalog", "--state"]
        assert json.loads(Path(argv[2]).read_text()) == {"api_token": "secret"}
        assert stat.S_IMODE(Path(argv[2]).stat().st_mode) == 0o600
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert not folder.exists()


def test_the_folder_of_a_run_that_was_killed_is_removed_by_the_next_one(temporary: Path) -> None:
    program = (
        "import sys; from dagster_planhat.pieces.commands import private_folder\n"
        "with private_folder() as folder: print(folder, flush=True); sys.stdin.read()"
    )
    environment = {**os.environ, "TMPDIR": str(temporary), "PYTHONPATH": str(Path(commands.__file__).parents[2])}
    with subprocess.Popen(
        [sys.executable, "-c", program],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=environment,
        text=True,
    ) as process:
        assert process.stdout is not None
        left = Path(process.stdout.readline().strip())
        with private_folder():
            assert left.exists()
        process.kill()
    with private_folder() as own:
        assert list(temporary.iterdir()) == [own]


def test_a_folder_that_another_run_took_for_abandoned_is_not_used(
    temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock, is_first = fcntl.flock, iter([True])

    def slow(descriptor: int, how: int) -> None:
        if how == fcntl.LOCK_EX and next(is_first, False):
            commands._remove_abandoned()
            assert not list(temporary.iterdir())
        lock(descriptor, how)

    monkeypatch.setattr(fcntl, "flock", slow)
    with private_folder() as folder:
        assert list(temporary.iterdir()) == [folder]
        assert json.loads(Path(tap_argv(["tap"], folder, {"a": 1})[2]).read_text()) == {"a": 1}


# Catalog


def test_what_is_kept_is_made_again_when_it_is_old_or_not_safe(temporary: Path) -> None:
    texts = iter(["one", "two", "three", "four", "five", "six"])

    def make() -> str:
        return next(texts)

    assert [kept("a", make), kept("a", make), kept("b", make)] == ["one", "one", "two"]
    (folder,) = temporary.iterdir()
    # The second one was made before the clock was set back.
    for seconds, text in ((-601, "three"), (600, "four")):
        for file in folder.iterdir():
            os.utime(file, (0, time.time() + seconds))
        assert [kept("a", make), kept("a", make)] == [text, text]
    folder.chmod(0o777)
    assert [kept("a", make), kept("a", make)] == ["five", "six"]


def test_the_catalog_takes_no_call_and_selects_what_is_asked_for(temporary: Path) -> None:
    lines: list[str] = []
    command = [str(BIN / "tap-planhat")]
    catalog = discovered(command, dict(os.environ), lambda _stage, line: lines.append(line))
    assert lines
    lines.clear()
    assert discovered(command, dict(os.environ), lambda _stage, line: lines.append(line)) == catalog
    assert not lines
    chosen = selecting(catalog, ["companies", "dimension_data"], incremental=True)
    found = {entry["tap_stream_id"]: entry["replication_method"] for entry in chosen["streams"]}
    assert found == {"companies": "INCREMENTAL", "dimension_data": "INCREMENTAL"}
    whole_reads = selecting(catalog, ["companies"])["streams"]
    assert [entry["replication_method"] for entry in whole_reads] == ["FULL_TABLE"]
    with pytest.raises(UnknownStreamError, match="no stream company"):
        selecting(catalog, ["company"])


# Summaries


def logged(log: logging.Logger, caplog: pytest.LogCaptureFixture) -> str:
    return next(line for line in caplog.messages if line.startswith("SUMMARY"))


def test_figures_are_those_of_the_tap(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    summary = TapSummary()
    summary.add("companies", records=3, calls=1)
    summary.add("endusers", records=4, calls=2)
    summary.skip("users")
    summary.log(logging.getLogger("tap"), CallFigures(5, 1.5, 2), complete=True)
    figures = read_figures(object_after("SUMMARY", logged(logging.getLogger("tap"), caplog)))
    assert figures == ReadFigures({"companies": 3, "endusers": 4}, frozenset({"users"}), 5, 1.5, 2, complete=True)
    assert load_figures(object_after("SUMMARY", logged(logging.getLogger("tap"), caplog))) is None


def test_figures_are_those_of_the_target(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    summary = TargetSummary()
    summary.count_read("companies", 3)
    summary.count_outcome("companies", OutcomeKind.CREATED, 2)
    summary.log_json(logging.getLogger("target"), CallFigures(5, 1.5, 2), None, {})
    line = object_after("SUMMARY", logged(logging.getLogger("target"), caplog))
    assert load_figures(line) == LoadFigures({"created": 2, "unsent": 1}, 5, 1.5, 2)
    assert read_figures(line) is None


@pytest.mark.parametrize(
    "line", ["", "SUMMARY", "SUMMARY {", "SUMMARY [1]", "NOSUMMARY {}", "no {} here", "SUMMARY {}x"]
)
def test_other_lines_are_no_summaries(line: str) -> None:
    assert object_after("SUMMARY", line) is None


def test_figures_of_several_runs_add_up() -> None:
    one = ReadFigures({"dimension_data": 3}, frozenset(), 2, 0.1, 0, complete=True)
    other = ReadFigures({"dimension_data": 4}, frozenset(), 3, 0.2, 1, complete=True)
    assert added([one, other]) == ReadFigures({"dimension_data": 7}, frozenset(), 5, 0.3, 1, complete=True)
    assert added([]).rows == 0


# States


def test_the_last_state_is_told_from_other_lines() -> None:
    state = {"bookmarks": {"companies": {"x": 1}}}
    assert state_in_line(json.dumps(state).encode()) == state
    assert state_in_line(json.dumps({"type": "STATE", "value": state}).encode()) == state
    for other in (b"", b"text", b"[]", b'{"a": 1}', b'{"type": "RECORD", "record": {"bookmarks": {}}}'):
        assert state_in_line(other) is None


def test_states_of_streams_make_a_whole_one_in_which_the_later_counts() -> None:
    both = {"bookmarks": {"companies": {"at": 1}, "endusers": {"at": 1}, "custom_fields": {"at": 1}}}
    later = {"bookmarks": {"companies": {"at": 2}, "endusers": {"at": 0}, "custom_fields": {"at": 2}}}
    parts = [part_of(both, ["endusers", "custom_fields"]), part_of(later, ["companies", "custom_fields", "users"])]
    assert whole(parts) == {
        "bookmarks": {"endusers": {"at": 1}, "custom_fields": {"at": 2}, "companies": {"at": 2}},
    }
    assert whole([]) is None


def test_a_state_confirms_what_it_says() -> None:
    days = Days(date(2026, 1, 5), date(2026, 1, 11))
    span = {"first_day": "2026-01-05", "last_day": "2026-01-11"}
    assert confirms_days({"bookmarks": {"dimension_data": {"days_read": [span]}}}, "dimension_data", days)
    short = {**span, "last_day": "2026-01-10"}
    assert not confirms_days({"bookmarks": {"dimension_data": {"days_read": [short]}}}, "dimension_data", days)
    assert not confirms_days(None, "dimension_data", days)
    assert confirms_streams({"bookmarks": {"a": {}, "b": {}}}, ["a"])
    assert not confirms_streams({"bookmarks": {"a": {}}}, ["a", "b"])


# Failures


def ended(name: str, code: int, *lines: str, was_stopped: bool = False) -> Ended:
    return Ended(name, code, was_stopped, lines)


def test_only_codes_that_another_try_would_not_have_are_hopeless() -> None:
    may_pass = {
        ExitCode.DONE,
        ExitCode.FAULT,
        ExitCode.UNAVAILABLE,
        ExitCode.OUTPUT,
        ExitCode.CHANGES,
        ExitCode.DRIFTED,
    }
    assert {code for code in ExitCode if code not in may_pass} == HOPELESS


def test_a_failure_tells_the_reason_of_the_connector_and_nothing_of_other_programs() -> None:
    line = "2026-11-28 14:00:00,000 | CRITICAL | tap-planhat          | region: 'xx' is not known"
    failure = failure_of([ended("tap", 2, "INFO", line, "end"), ended("loader", 0)], are_planhat={"tap"})
    assert str(failure) == "tap ended with 2: region: 'xx' is not known"
    assert failure is not None
    assert not failure.may_retry
    failure = failure_of([ended("tap", 1), ended("loader", 1, line)], are_planhat={"tap"})
    assert failure is not None
    assert "region" not in str(failure)
    assert failure.may_retry


def test_a_run_without_a_failure_has_none() -> None:
    assert failure_of([ended("tap", 0), ended("loader", 0)], are_planhat={"tap"}) is None


@pytest.mark.parametrize("code", [5, 7, -15, 143, 1])
def test_what_may_be_better_later_is_tried_again(code: int) -> None:
    failure = failure_of([ended("tap", code), ended("loader", 0)], are_planhat={"tap", "loader"})
    assert failure is not None
    assert failure.may_retry


# Plans


def test_a_plan_is_carried_out_once_and_only_for_its_tenant_and_flow(tmp_path: Path) -> None:
    plans = Plans(tmp_path, "acme", "scores")
    made = plans.new_file()
    made.write_text("a plan")
    plan_id, path = plans.keep(made)
    assert path.read_text() == "a plan"
    assert plan_id.endswith(hashlib.sha256(b"a plan").hexdigest()[:12])
    with pytest.raises(UnusablePlanError, match="is one of acme, scores, and not of globex, scores"):
        Plans(tmp_path, "globex", "scores").begin(plan_id, "run-1")
    with pytest.raises(UnusablePlanError, match="not of acme, other"):
        Plans(tmp_path, "acme", "other").begin(plan_id, "run-1")
    assert plans.begin(plan_id, "run-1") == path
    # Another try of the same run.
    assert plans.begin(plan_id, "run-1") == path
    for run in ("run-2", "run-3"):
        with pytest.raises(UnusablePlanError, match="the run run-1 has begun to write the plan"):
            plans.begin(plan_id, run)
    assert plans.begin(plan_id, "run-4", again=True) == path
    plans.note_written(plan_id, "run-4")
    with pytest.raises(UnusablePlanError, match="written already, by the run run-4"):
        plans.begin(plan_id, "run-5", again=True)


def test_of_many_runs_that_begin_a_plan_at_once_one_does(tmp_path: Path) -> None:
    plans = Plans(tmp_path, "acme", "scores")
    made = plans.new_file()
    made.write_text("a plan")
    plan_id, path = plans.keep(made)
    began: list[str] = []

    def begin(run: str) -> None:
        with suppress(UnusablePlanError):
            assert plans.begin(plan_id, run) == path
            began.append(run)

    threads = [threading.Thread(target=begin, args=(f"run-{number}",)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(began) == 1


@pytest.mark.parametrize("plan_id", ["", "../x", "20260101T000000Z-0123456789ab/../x", "20260101T000000Z-0123456789ab"])
def test_a_plan_that_is_not_there_is_refused(tmp_path: Path, plan_id: str) -> None:
    with pytest.raises(UnusablePlanError, match=r"is not the id of a plan|there is no plan"):
        Plans(tmp_path, "acme", "scores").begin(plan_id, "run-1")


def test_a_plan_that_leaves_rows_out_is_refused() -> None:
    held = {"companies": {"rows": {"to create": 1}, "notes": {"points without a record": 3}}}
    check_holds_all({"streams": held})
    check_holds_all({})
    with pytest.raises(UnusablePlanError, match="cannot hold these rows: 2 of metrics, 3 of user_activities"):
        check_holds_all(
            {
                "streams": {
                    **held,
                    "metrics": {"notes": {_ADDED_TWICE: 2}},
                    "user_activities": {"notes": {_ADDED_TWICE: 3}},
                }
            }
        )


# Counts


@pytest.mark.parametrize("kind", [sa.Text(), sa.DateTime(), sa.Date()], ids=["text", "moment", "day"])
@pytest.mark.parametrize("names", ["dimension_data dimensionId time", "DIMENSION_DATA DIMENSION_ID TIME"])
def test_rows_are_counted_whatever_the_loader_made_of_names_and_types(
    tmp_path: Path, names: str, kind: sa.types.TypeEngine[object]
) -> None:
    table, dimension, time = names.split()
    url = f"sqlite:///{tmp_path / 'warehouse.db'}"
    engine = sa.create_engine(url)
    rows = sa.Table(table, sa.MetaData(), sa.Column(dimension, sa.Text()), sa.Column(time, kind))
    rows.create(engine)
    with engine.begin() as connection:
        for day in range(1, 21):
            moment = datetime(2026, 1, day, 23, 59, tzinfo=timezone.utc)
            value: object = moment.isoformat() if isinstance(kind, sa.Text) else moment.replace(tzinfo=None)
            value = moment.date() if isinstance(kind, sa.Date) else value
            connection.execute(sa.insert(rows), [{dimension: each, time: value} for each in ("logins", "uptime")])
    engine.dispose()
    with warehouse(url) as connection:
        days = Days(date(2026, 1, 5), date(2026, 1, 11))
        assert rows_of_days(connection, None, "dimension_data", ["logins"], days) == 7
        assert rows_of_days(connection, None, "dimension_data", ["logins", "uptime", "other"], days) == 14
        assert rows_of_stream(connection, None, "dimension_data") == 40
        assert rows_of_stream(connection, None, "companies") == 0


@pytest.mark.parametrize(("kind", "zone"), [(sa.DateTime(timezone=True), timezone.utc), (sa.DateTime(), None)])
def test_days_are_those_of_utc_whatever_the_time_zone_of_the_warehouse_is(
    kind: sa.types.TypeEngine[object], zone: timezone | None
) -> None:
    assert landed._moment(date(2026, 1, 5), kind) == datetime(2026, 1, 5, tzinfo=zone)


# Runs

TAP = """
import json, sys
settings = json.load(open(sys.argv[2]))
print(json.dumps({"type": "RECORD", "record": settings}))
for number in range(2):
    print(json.dumps({"bookmarks": {"a": {"n": number}}}))
sys.stderr.write("the token is " + settings["token"] + "\\n")
"""


def test_a_run_gives_programs_their_secrets_by_file_and_keeps_them_out_of_environment_and_log(tmp_path: Path) -> None:
    (tmp_path / "tap.py").write_text(TAP)
    (tmp_path / "loader.py").write_text(
        "import os, sys\n"
        "lines = list(sys.stdin)\n"
        'sys.stderr.write(f\'{"TOKEN" in os.environ} {"OTHER" in os.environ} {len(lines)}\')\n'
        "print(*lines[1:], sep='')\n"
    )
    lines: list[str] = []
    environment = {**os.environ, "TOKEN": "a-secret-token", "OTHER": "another"}
    runner = Runner(environment, lambda stage, line: lines.append(f"{stage}: {line}"), {"OTHER"})
    result = runner.pipe(
        Program([sys.executable, str(tmp_path / "tap.py")], {"token": FromEnvironment("TOKEN")}),
        Program([sys.executable, str(tmp_path / "loader.py")]),
    )
    assert result.state == {"bookmarks": {"a": {"n": 1}}}
    assert sorted(lines) == ["loader: False False 3", "tap: the token is ***"]


SUMMARY = {"streams": {"dimension_data": {"records": 0}}, "skipped": ["dimension_data"], "complete": True}


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (f"SUMMARY {json.dumps(SUMMARY)}", "may not read dimension_data"),
        (f"SUMMARY {json.dumps({**SUMMARY, 'skipped': [], 'complete': False})}", "wrote no summary"),
        ("a warning", "wrote no summary"),
    ],
    ids=["skipped", "incomplete", "silent"],
)
def test_a_tap_that_ends_with_0_and_did_not_read_what_is_needed_has_failed(line: str, message: str) -> None:
    tap = Program([sys.executable, "-c", f"import sys; sys.stderr.write({line!r})"], is_planhat=True)
    loader = Program([sys.executable, "-c", "import sys; sys.stdin.read()"])
    runner = Runner(dict(os.environ), lambda _stage, _line: None)
    with pytest.raises(PipeError, match=message) as caught:
        runner.pipe(tap, loader, needed=["dimension_data"])
    assert not caught.value.may_retry
    with pytest.raises(PipeError, match=message):
        runner.read(tap, lambda _line: None, needed=["dimension_data"])


def test_the_reason_of_a_failure_has_no_secret() -> None:
    program = (
        "import json, sys; token = json.load(open(sys.argv[2]))['token']; sys.exit(f'x | ERROR | tap | no {token}')"
    )
    tap = Program([sys.executable, "-c", program], {"token": FromEnvironment("TOKEN")}, is_planhat=True)
    runner = Runner({**os.environ, "TOKEN": "a-secret-token"}, lambda _stage, _line: None)
    with pytest.raises(PipeError, match=r"tap ended with 1: no \*\*\*$"):
        runner.read(tap, lambda _line: None)


def test_a_stream_that_is_skipped_and_not_needed_is_no_failure() -> None:
    line = f"SUMMARY {json.dumps({**SUMMARY, 'skipped': ['users']})}"
    tap = Program([sys.executable, "-c", f"import sys; sys.stderr.write({line!r})"], is_planhat=True)
    runner = Runner(dict(os.environ), lambda _stage, _line: None)
    result = runner.pipe(tap, Program([sys.executable, "-c", "import sys; sys.stdin.read()"]))
    assert result.read is not None
    assert result.read.skipped == {"users"}


def test_only_the_loader_says_what_is_planned() -> None:
    tap = "import sys, time; sys.stdout.close(); time.sleep(1); sys.stderr.write('PLAN {\"rows\": 1}')"
    loader = "import sys; sys.stdin.read(); sys.stderr.write('PLAN {\"rows\": 2}')"
    runner = Runner(dict(os.environ), lambda _stage, _line: None)
    result = runner.pipe(Program([sys.executable, "-c", tap]), Program([sys.executable, "-c", loader]))
    assert result.plan == {"rows": 2}
