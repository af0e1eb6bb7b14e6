"""Makes calls fail on request of a test."""

from __future__ import annotations

import random
from dataclasses import dataclass, fields
from threading import Lock
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from planhat_sandbox.store import Value

__all__ = ["KINDS", "Fault", "FaultError", "Faults"]

KINDS = {
    "latency": "waits `seconds` before the call is processed",
    "status": "answers `status` without processing the call; with `processed` the call is processed first, with "
    "`processed_rows` only so many of the first rows of its body",
    "drop": "closes the connection without an answer; with `processed` the call is processed first, with "
    "`processed_rows` only so many of the first rows of its body",
    "truncate": "processes the call, sends half of the body, closes the connection",
    "invalid_json": "processes the call, answers 200 with half of the body as if it were all",
    "html": "answers 200 with an HTML page, without processing the call",
    "slow_body": "processes the call, sends the body in pieces over `seconds`",
    "stall": "processes the call, sends half of the body, then nothing for `seconds`",
    "bomb": "processes the call; a small gzip body unfolds to `megabytes` (with `per_row` to so many for each row), "
    "whatever the client accepts; or the answer nests `depth` levels deep; or both",
    "wrong_region": "answers 401 whatever the token (B3)",
    "poison": "answers 500, naming no row, when a row of the body has `value` in `field` (or in any field); "
    "with `processed` the other rows are processed first",
}


class FaultError(ValueError):
    """The description of a fault is wrong."""


@dataclass
class Fault:
    """One fault.

    Attributes:
        kind: One of KINDS.
        path: Only calls below this path, without leading slash, e.g. ``endusers`` or ``analytics-host``.
        method: Only calls with this method.
        share: Share of the calls, 0 to 1; the seed of the sandbox decides which ones.
        nth: Only this one of the calls that match, counted from 1.
        times: How many times the fault occurs; None for no limit.
        status: For ``status``.
        seconds: For ``latency``, ``slow_body`` and ``stall``.
        processed: For ``status`` and ``drop``: process the call first; for ``poison``: the other rows.
        processed_rows: For ``status`` and ``drop``: process only so many of the first rows of the body. The others are
            never processed.
        field: For ``poison``: name of the field.
        value: For ``poison``: the value, as text.
        retry_after: For ``status``: the Retry-After header.
        megabytes: For ``bomb``: size of the unpacked answer.
        per_row: For ``bomb``: whether ``megabytes`` is the size for each row of the answer.
        depth: For ``bomb``: how deep one value of the answer is nested.
    """

    kind: str
    path: str | None = None
    method: str | None = None
    share: float = 1.0
    nth: int | None = None
    times: int | None = None
    status: int = 503
    seconds: float = 0.0
    processed: bool = False
    processed_rows: int | None = None
    field: str | None = None
    value: str | None = None
    retry_after: str | None = None
    megabytes: int = 0
    per_row: bool = False
    depth: int = 0

    def __post_init__(self) -> None:
        """Check the kind and the number of rows."""
        if self.kind not in KINDS:
            message = f"There is no fault {self.kind!r}. There are: {', '.join(KINDS)}."
            raise FaultError(message)
        if self.processed_rows is not None and self.processed_rows < 0:
            message = f"processed_rows is 0 or more, not {self.processed_rows}."
            raise FaultError(message)

    @property
    def comes_first(self) -> bool:
        """Whether no row of the call is processed."""
        return not self.processed and self.processed_rows is None

    @classmethod
    def read(cls, described: Mapping[str, Value]) -> Fault:
        """Read a fault from JSON.

        Raises:
            FaultError: Unknown kind or attribute.
        """
        known = {field.name for field in fields(cls)}
        unknown = sorted(set(described) - known)
        if unknown or "kind" not in described:
            message = (
                f"A fault needs a kind and takes {', '.join(sorted(known))}; not {', '.join(unknown) or 'nothing'}."
            )
            raise FaultError(message)
        return cls(**described)

    def concerns(self, method: str, path: str) -> bool:
        """Whether the fault applies to such a call."""
        if self.method is not None and self.method.upper() != method:
            return False
        return self.path is None or path == self.path or path.startswith(self.path + "/")

    def poisons(self, row: Value) -> bool:
        """Whether a row of a body causes the fault ``poison``."""
        if not isinstance(row, dict):
            return False
        values = row.values() if self.field is None else [row.get(self.field)]
        return any(str(value) == str(self.value) for value in values)


class Faults:
    """The faults of one sandbox. Thread-safe."""

    def __init__(self, seed: int) -> None:
        """Take the seed that decides which calls a share applies to."""
        self._lock = Lock()
        self._seed = seed
        self._faults: list[Fault] = []
        self._matched: list[int] = []
        self._rng = random.Random(seed)  # noqa: S311 - repeatable, no secret

    def set(self, faults: Iterable[Fault | Mapping[str, Value]]) -> None:
        """Replace all faults."""
        read = [fault if isinstance(fault, Fault) else Fault.read(fault) for fault in faults]
        with self._lock:
            self._faults = read
            self._matched = [0] * len(read)
            self._rng = random.Random(self._seed)  # noqa: S311 - repeatable, no secret

    def add(self, fault: Fault) -> None:
        """Add a fault."""
        with self._lock:
            self._faults.append(fault)
            self._matched.append(0)

    def drawn(self, method: str, path: str) -> list[Fault]:
        """The faults of this call."""
        with self._lock:
            return [fault for index, fault in enumerate(self._faults) if self._hits(index, fault, method, path)]

    def _hits(self, index: int, fault: Fault, method: str, path: str) -> bool:
        if not fault.concerns(method, path) or fault.times == 0:
            return False
        self._matched[index] += 1
        if fault.nth is not None and self._matched[index] != fault.nth:
            return False
        if fault.share < 1 and self._rng.random() >= fault.share:
            return False
        if fault.times is not None and fault.kind != "poison":
            fault.times -= 1
        return True
