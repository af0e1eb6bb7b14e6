"""One run of a tap into a loader, or of a plan into target-planhat, with its figures."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, Any

from dagster_planhat.pieces.commands import environment_without, loader_argv, private_folder, tap_argv
from dagster_planhat.pieces.failures import PipeError, failure_of
from dagster_planhat.pieces.pipe import Ended, Stage, run_stages
from dagster_planhat.pieces.redaction import Redaction
from dagster_planhat.pieces.secrets import names_in, with_values
from dagster_planhat.pieces.states import state_in_line
from dagster_planhat.pieces.summary import LoadFigures, ReadFigures, load_figures, object_after, read_figures

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

__all__ = ["Program", "Result", "Runner"]

_TAP, _LOADER = "tap", "loader"
_SUMMARY, _PLAN = "SUMMARY", "PLAN"


@dataclass(frozen=True)
class Program:
    """A tap or a loader.

    Attributes:
        command: Program and arguments.
        settings: Its settings; secrets among them are ``FromEnvironment``.
        is_planhat: Whether it is tap-planhat or target-planhat, whose exit codes and messages are known.
    """

    command: Sequence[str]
    settings: Mapping[str, Any] = field(default_factory=dict)
    is_planhat: bool = False


@dataclass(frozen=True)
class Result:
    """What a run brought.

    Attributes:
        state: The last state that the loader confirmed.
        read: The figures of tap-planhat, if it was the tap.
        loaded: The figures of target-planhat, if it was the loader.
        plan: The numbers of a plan, if one was made.
    """

    state: Mapping[str, Any] | None = None
    read: ReadFigures | None = None
    loaded: LoadFigures | None = None
    plan: Mapping[str, Any] | None = None


@dataclass
class _Notes:
    """What the lines of a run say."""

    log: Callable[[str, str], None]
    redaction: Redaction
    state: Mapping[str, Any] | None = None
    summaries: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    plan: Mapping[str, Any] | None = None

    def note_output(self, line: bytes) -> None:
        self.state = state_in_line(line) or self.state

    def note_log(self, stage: str, line: str) -> None:
        if summary := object_after(_SUMMARY, line):
            self.summaries[stage] = summary
        # The tap of a flow is any program, and people read these numbers before they have the plan carried out.
        if stage == _LOADER:
            self.plan = object_after(_PLAN, line) or self.plan
        self.log(stage, self.redaction.of(line))

    @property
    def result(self) -> Result:
        return Result(
            state=self.state,
            read=read_figures(self.summaries.get(_TAP)),
            loaded=load_figures(self.summaries.get(_LOADER)),
            plan=self.plan,
        )


@dataclass(frozen=True)
class Runner:
    """Runs programs in the environment of this worker.

    Attributes:
        environment: The environment of the worker.
        log: Called with ``tap`` or ``loader`` and each line of its log, without secrets.
        secret_names: Variables of the environment that hold secrets. No program gets them in its environment.
    """

    environment: Mapping[str, str]
    log: Callable[[str, str], None]
    secret_names: Collection[str] = ()

    def child_environment(self, secret: Collection[str] = ()) -> dict[str, str]:
        """The environment of programs: that of the worker without secrets."""
        return environment_without(self.environment, {*secret, *self.secret_names})

    def pipe(
        self,
        tap: Program,
        loader: Program,
        *,
        catalog: Mapping[str, Any] | None = None,
        state: Mapping[str, Any] | None = None,
        needed: Collection[str] = (),
    ) -> Result:
        """Run a tap into a loader.

        Args:
            tap: The tap.
            loader: The loader.
            catalog: What the tap reads.
            state: Where the tap goes on.
            needed: Streams without which the run is a failure. tap-planhat skips those that the token may not read.

        Raises:
            MissingVariableError: The environment lacks a secret.
            PipeError: A program failed, or a stream that is needed was skipped.
        """
        with private_folder() as folder:
            stages = [
                Stage(_TAP, tap_argv(tap.command, folder, self._values(tap), catalog, state)),
                Stage(_LOADER, loader_argv(loader.command, folder, self._values(loader))),
            ]
            result = self._run(stages, {_TAP: tap, _LOADER: loader}).result
        _check_read(tap, result.read, needed)
        return result

    def load(self, source: IO[bytes], loader: Program) -> Result:
        """Run a file into a loader. It raises what :meth:`pipe` raises."""
        with private_folder() as folder:
            stages = [Stage(_LOADER, loader_argv(loader.command, folder, self._values(loader)))]
            return self._run(stages, {_LOADER: loader}, source=source).result

    def read(
        self,
        tap: Program,
        on_output: Callable[[bytes], None],
        *,
        catalog: Mapping[str, Any] | None = None,
        needed: Collection[str] = (),
    ) -> Result:
        """Run a tap without a loader. It raises what :meth:`pipe` raises.

        Args:
            tap: The tap.
            on_output: Called with each line that it writes.
            catalog: What it reads.
            needed: As in :meth:`pipe`.
        """
        with private_folder() as folder:
            stages = [Stage(_TAP, tap_argv(tap.command, folder, self._values(tap), catalog))]
            result = self._run(stages, {_TAP: tap}, on_output=on_output).result
        _check_read(tap, result.read, needed)
        return result

    def _values(self, program: Program) -> Mapping[str, Any]:
        values: Mapping[str, Any] = with_values(dict(program.settings), self.environment)
        return values

    def _run(
        self,
        stages: Sequence[Stage],
        programs: Mapping[str, Program],
        *,
        source: IO[bytes] | None = None,
        on_output: Callable[[bytes], None] | None = None,
    ) -> _Notes:
        secret = {name for program in programs.values() for name in names_in(dict(program.settings))}
        redaction = Redaction(self.environment.get(name, "") for name in {*secret, *self.secret_names})
        notes = _Notes(self.log, redaction)
        ended: list[Ended] = run_stages(
            stages,
            on_output=on_output or notes.note_output,
            on_log=notes.note_log,
            environment=self.child_environment(secret),
            source=source,
        )
        for each in ended:
            each.last_lines = [redaction.of(line) for line in each.last_lines]
        are_planhat = {name for name, program in programs.items() if program.is_planhat}
        if failure := failure_of(ended, are_planhat=are_planhat):
            raise failure
        return notes


def _check_read(tap: Program, figures: ReadFigures | None, needed: Collection[str]) -> None:
    """Make sure that tap-planhat says what it read, because it ends with 0 after a skipped stream too.

    Raises:
        PipeError: It does not say so, or it skipped a stream that is needed.
    """
    if not tap.is_planhat:
        return
    if figures is None or not figures.complete:
        message = (
            "tap-planhat wrote no summary, so it is not known what it read. It writes one with LOGLEVEL=INFO, which is "
            "the default"
        )
        raise PipeError(message, may_retry=False)
    if skipped := sorted(figures.skipped.intersection(needed)):
        message = f"nothing was read, because the token may not read {', '.join(skipped)}"
        raise PipeError(message, may_retry=False)
