"""What one run did, as it is kept and shown."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Outcome:
    """One run of one program against one tenant.

    Attributes:
        part: Which table it belongs to: ``out``, ``in``, ``peers`` or ``wall``.
        companies: Size of the tenant.
        run: Which run, e.g. ``first``.
        who: Which program.
        calls: Calls that the sandbox logged.
        fewest: The fewest calls that do the same; 0 if that is not asked.
        proofs: Passes whose end a call has to prove, where that is allowed.
        rows: Records that came out, or went in.
        wall: Seconds from the start of the process to its end.
        peak: Peak memory in MiB.
        kinds: Calls that read, that sent rows in bulk, and others.
        paths: Calls by method and path.
        refused: Calls that were answered with 429.
        hidden_passes: Calls of passes that show nothing but hidden rows.
        missed: Rows that did not come out by stream.
        for_missed: The fewest calls that these rows need.
        hidden_missed: How many of them a list without parameters leaves out.
        blind: The fewest calls that send all rows.
        start_up: Seconds of the start and the end of the process.
        needed: Seconds that the calls alone need.
    """

    part: str
    companies: int
    run: str
    who: str
    calls: int
    fewest: int = 0
    proofs: int = 0
    rows: int = 0
    wall: float = 0.0
    peak: float = 0.0
    kinds: dict[str, int] = field(default_factory=dict)
    paths: dict[str, int] = field(default_factory=dict)
    refused: int = 0
    hidden_passes: int = 0
    missed: dict[str, int] = field(default_factory=dict)
    for_missed: int = 0
    hidden_missed: int = 0
    blind: int = 0
    start_up: float = 0.0
    needed: float = 0.0
