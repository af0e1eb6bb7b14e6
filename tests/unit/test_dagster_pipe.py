"""Commands with a pipe between them: what they say is heard, and none of them stays."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dagster_planhat.pieces import pipe
from dagster_planhat.pieces.failures import failure_of
from dagster_planhat.pieces.pipe import Ended, Stage, run_stages

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PACKAGE = Path(pipe.__file__).parents[2]

SLEEPER = "import time; print('ready', flush=True); time.sleep(600)"
STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); " + SLEEPER
WITH_CHILD = (
    "import subprocess, sys; child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)']); "
    "print(child.pid, flush=True); child.wait()"
)


def python(name: str, program: str, *arguments: str) -> Stage:
    return Stage(name, [sys.executable, "-c", textwrap.dedent(program), *arguments])


def run(*stages: Stage, on_output: Callable[[bytes], None] | None = None) -> tuple[list[Ended], list[bytes], list[str]]:
    output: list[bytes] = []
    log: list[str] = []
    ended = run_stages(
        stages,
        on_output=on_output or output.append,
        on_log=lambda stage, line: log.append(f"{stage}: {line}"),
        environment=dict(os.environ),
    )
    return ended, output, log


def lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def wait_until_gone(pids: list[int], seconds: float = 5) -> list[int]:
    deadline = time.monotonic() + seconds
    while (left := [pid for pid in pids if lives(pid)]) and time.monotonic() < deadline:
        time.sleep(0.02)
    return left


def test_lines_go_through_and_both_logs_are_heard() -> None:
    ended, output, log = run(
        python("tap", "import sys; print('one\\ntwo'); sys.stderr.write('from the tap\\nlast')"),
        python("loader", "import sys; [print(line.strip().upper()) for line in sys.stdin]; sys.stderr.write('loaded')"),
    )
    assert output == [b"ONE\n", b"TWO\n"]
    assert sorted(log) == ["loader: loaded", "tap: from the tap", "tap: last"]
    assert [(each.name, each.code, each.was_stopped) for each in ended] == [("tap", 0, False), ("loader", 0, False)]


def test_much_output_of_all_commands_blocks_none_of_them() -> None:
    noisy = "import sys\nfor number in range(30000): print('x' * 90); sys.stderr.write('y' * 90 + '\\n')"
    loader = "import sys\nfor line in sys.stdin: sys.stdout.write(line); sys.stderr.write(line)"
    _, output, log = run(python("tap", noisy), python("loader", loader))
    assert len(output) == 30000
    assert len(log) == 60000


def test_the_first_command_has_no_input() -> None:
    ended, output, _ = run(python("tap", "import sys; print(len(sys.stdin.read()))"))
    assert (ended[0].code, output) == (0, [b"0\n"])


def test_a_command_that_is_not_there_ends_with_127(tmp_path: Path) -> None:
    ended, _, log = run(Stage("tap", [str(tmp_path / "none")]), python("loader", "import sys; sys.stdin.read()"))
    assert [each.code for each in ended] == [127, 0]
    assert "cannot be started" in log[0]
    failure = failure_of(ended, are_planhat=set())
    assert failure is not None
    assert f"{tmp_path}/none cannot be started: No such file" in str(failure)
    assert not failure.may_retry


def test_a_tap_that_does_not_notice_the_end_of_its_loader_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipe, "_AFTER_READER_SECONDS", 0.2)
    ended, _, _ = run(python("tap", "import time; time.sleep(600)"), python("loader", "import sys; sys.exit(5)"))
    assert [(each.name, each.was_stopped) for each in ended] == [("tap", True), ("loader", False)]
    assert ended[1].code == 5
    failure = failure_of(ended, are_planhat={"tap", "loader"})
    assert failure is not None
    assert str(failure) == "loader ended with 5"
    assert failure.may_retry


def test_a_tap_that_only_logs_on_after_the_end_of_its_loader_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipe, "_AFTER_READER_SECONDS", 0.2)
    chatty = "import sys, time\nfor _ in range(2000): sys.stderr.write('line\\n'); sys.stderr.flush(); time.sleep(0.01)"
    ended, _, log = run(python("tap", chatty), python("loader", "import sys; sys.exit(5)"))
    assert ended[0].was_stopped
    assert 0 < len(log) < 1000


@pytest.mark.parametrize("wait", ["", "; time.sleep(1)"], ids=["at once", "later"])
def test_a_process_that_left_its_command_and_keeps_the_log_open_is_not_waited_for(
    wait: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipe, "_AFTER_READER_SECONDS", 0.3)
    daemon = "import subprocess, sys, time; child = subprocess.Popen(['sleep', '60'], start_new_session=True)"
    program = f"{daemon}{wait}; print(child.pid); sys.exit(3)"
    started = time.monotonic()
    ended, output, _ = run(python("tap", "print(1)"), python("loader", program))
    os.kill(int(output[0]), signal.SIGKILL)
    assert ended[1].code == 3
    assert time.monotonic() - started < 30


def test_a_command_that_has_ended_gets_no_more_signals(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipe, "_AFTER_READER_SECONDS", 0.0)
    told: list[tuple[int, bool]] = []

    def told_of(group: int, _number: int) -> None:
        told.append((group, Path(f"/proc/{group}").exists()))

    monkeypatch.setattr(os, "killpg", told_of)
    run(python("tap", "print(1)"), python("loader", "import sys; sys.stdin.read(); sys.exit(0)"))
    assert told
    assert all(is_there for _, is_there in told)


def test_a_broken_pipe_ends_a_tap_as_in_a_shell() -> None:
    ended, _, _ = run(Stage("tap", ["yes"]), python("loader", "import sys; sys.exit(3)"))
    assert ended[0].code == -signal.SIGPIPE
    failure = failure_of(ended, are_planhat={"tap", "loader"})
    assert failure is not None
    assert str(failure).startswith("loader ended with 3")
    assert not failure.may_retry


@pytest.mark.parametrize("program", [SLEEPER, STUBBORN], ids=["polite", "stubborn"])
def test_an_exception_ends_all_commands(program: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipe, "_WRITER_GRACE_SECONDS", 0.2)
    monkeypatch.setattr(pipe, "_GRACE_SECONDS", 0.5)
    pids: list[int] = []
    before = _children()

    def cancel(line: bytes) -> None:
        pids.extend(set(_children()) - set(before))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(python("tap", program), python("loader", "print('go', flush=True); " + program), on_output=cancel)
    assert len(pids) >= 2
    assert not wait_until_gone(pids, 0)


def test_a_loader_that_is_ended_may_send_what_is_pending_and_its_log_is_heard() -> None:
    loader = """
        import signal, sys, time
        def end(*_):
            time.sleep(0.5)
            sys.exit("two rows were not sent")
        signal.signal(signal.SIGTERM, end)
        print("ready", flush=True)
        time.sleep(600)
    """
    log: list[str] = []

    def cancel(_line: bytes) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_stages(
            [python("tap", SLEEPER), python("loader", loader)],
            on_output=cancel,
            on_log=lambda stage, line: log.append(f"{stage}: {line}"),
            environment=dict(os.environ),
        )
    assert "loader: two rows were not sent" in log


def test_what_a_command_started_ends_with_it() -> None:
    child: list[int] = []

    def cancel(line: bytes) -> None:
        child.append(int(line))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(python("tap", WITH_CHILD), on_output=cancel)
    assert not wait_until_gone(child, 1)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process that its parent was killed")
def test_no_command_outlives_a_worker_that_is_killed() -> None:
    worker = f"""
        import os
        from dagster_planhat.pieces.pipe import Stage, run_stages
        import sys
        program = {STUBBORN + "  # {}"!r}
        stages = [Stage(name, [sys.executable, "-c", program]) for name in ("tap", "loader")]
        tell = lambda line: print(line.decode(), flush=True)
        run_stages(stages, on_output=tell, on_log=print, environment=os.environ)
    """
    environment = {**os.environ, "PYTHONPATH": str(PACKAGE)}
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(worker)], stdout=subprocess.PIPE, env=environment, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline().strip() == "ready"
        pids = _children(process.pid)
        assert len(pids) == 2
        process.kill()
    assert not wait_until_gone(pids)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process that its parent was killed")
def test_a_command_does_not_begin_whose_worker_was_killed_before() -> None:
    other = str(os.getppid())
    command = [sys.executable, "-I", "-S", str(Path(pipe.__file__).with_name("bound.py")), other, "echo", "begun"]
    done = subprocess.run(command, capture_output=True, check=False)
    assert (done.returncode, done.stdout) == (127, b"")


def test_no_command_outlives_the_parent_of_its_worker() -> None:
    worker = f"""
        import os, sys
        from dagster_planhat.pieces.pipe import OrphanedError, Stage, run_stages
        stages = [Stage(name, [sys.executable, "-c", {SLEEPER!r}]) for name in ("tap", "loader")]
        tell = lambda line: print(os.getpid(), flush=True)
        try:
            run_stages(stages, on_output=tell, on_log=print, environment=os.environ)
        except OrphanedError:
            print("orphaned", flush=True)
    """
    parent = "import subprocess, sys; subprocess.run([sys.executable, '-c', sys.argv[1]])"
    environment = {**os.environ, "PYTHONPATH": str(PACKAGE)}
    with subprocess.Popen(
        [sys.executable, "-c", parent, textwrap.dedent(worker)], stdout=subprocess.PIPE, env=environment, text=True
    ) as process:
        assert process.stdout is not None
        step = int(process.stdout.readline())
        pids = _children(step)
        assert len(pids) == 2
        process.kill()
        assert process.stdout.readline() == "orphaned\n"
    assert not wait_until_gone([step, *pids])


@pytest.fixture
def heeding_ctrl_c() -> Iterator[None]:
    # Processes that run tests side by side ignore it.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("heeding_ctrl_c")
def test_a_second_signal_cuts_the_wait_short() -> None:
    started = time.monotonic()
    pids: list[int] = []
    before = _children()

    def cancel(line: bytes) -> None:
        pids.extend(set(_children()) - set(before))
        threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(python("tap", STUBBORN), on_output=cancel)
    assert time.monotonic() - started < 5
    assert not wait_until_gone(pids, 1)


def _children(parent: int | None = None) -> list[int]:
    """Processes that this one started, or another one."""
    own = os.getpid() if parent is None else parent
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == own and fields[0] != "Z":
            found.append(int(stat.parent.name))
    return found
