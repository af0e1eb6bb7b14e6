"""What the calls of a run cost, for its summary."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["CallFigures"]


@dataclass(frozen=True, slots=True)
class CallFigures:
    """The calls of a run and what they waited for.

    Attributes:
        calls: Number of calls, including retries.
        seconds_waited: Seconds that calls waited for the quota.
        calls_retried: Number of calls that were made again after a fault.
    """

    calls: int = 0
    seconds_waited: float = 0.0
    calls_retried: int = 0

    def __str__(self) -> str:
        """The number of calls and what they lost time with, in words. What is zero is left out."""
        texts = [_calls(self.calls)]
        texts += [f"{self.seconds_waited:,.0f} s waited for the quota"] if round(self.seconds_waited) else []
        texts += [f"{_calls(self.calls_retried)} retried"] if self.calls_retried else []
        return "; ".join(texts)

    @property
    def as_json(self) -> dict[str, float]:
        """What the JSON line of a summary says beside the number of calls."""
        return {"seconds_waited": round(self.seconds_waited, 1), "calls_retried": self.calls_retried}


def _calls(number: int) -> str:
    return f"{number:,} call{'' if number == 1 else 's'}"
