"""Malformed files of every kind, and what the command makes of them."""

from __future__ import annotations

import contextlib
import copy
import io
import json
import logging
import signal
import sys
from typing import TYPE_CHECKING, Any, NamedTuple

from hypothesis import strategies as st

from tap_planhat.tap import TapPlanhat

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from([10**30, -(10**400), 2**63, 1e300, 0, -1])
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(
        ["2024-01-31", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "\ud800", 'a"b', "\x00", "updatedAt"]
    ),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


class Ended(NamedTuple):
    """How a run of the command ended."""

    code: int
    lines: list[str]


def command(*options: str) -> Ended:
    """Run the command in this process; whatever ends it other than an exit code is raised."""
    told: list[str] = []

    class Listener(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if record.levelno >= logging.WARNING:
                told.append(record.getMessage())

    listener, root = Listener(), logging.getLogger()
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    hook, errors = sys.excepthook, io.StringIO()
    root.addHandler(listener)
    try:
        with contextlib.redirect_stdout(io.TextIOWrapper(io.BytesIO())), contextlib.redirect_stderr(errors):
            TapPlanhat.get_singer_command().main(list(options), prog_name="tap-planhat")
    except SystemExit as end:
        return Ended(int(end.code or 0), [*told, *errors.getvalue().splitlines()])
    finally:
        root.removeHandler(listener)
        logging.captureWarnings(capture=False)
        sys.excepthook = hook
        for number, handler in handlers.items():
            signal.signal(number, handler)
    message = "the command ended without an exit code"
    raise AssertionError(message)


def places(value: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where values stand in a JSON value."""
    yield place
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in inner:
        yield from places(part, (*place, key))


def changed(value: Any, place: Sequence[Any], new: Any, how: str) -> Any:
    """A copy with one value replaced, left out, or doubled where it stands in a list."""
    if not place:
        return new
    value = copy.deepcopy(value)
    holder = value
    for key in place[:-1]:
        holder = holder[key]
    if how == "replace":
        holder[place[-1]] = new
    elif how == "remove":
        del holder[place[-1]]
    elif isinstance(holder, list):
        holder.append(copy.deepcopy(holder[place[-1]]))
    else:
        holder[str(new)] = holder.pop(place[-1])
    return value


@st.composite
def damaged(draw: st.DrawFn, value: Any) -> Any:
    """A JSON value in which a few things are not as they were."""
    for _ in range(draw(st.integers(1, 3))):
        place = draw(st.sampled_from(list(places(value))))
        value = changed(value, place, draw(JSON), draw(st.sampled_from(["replace", "replace", "remove", "double"])))
    return value


def packed(value: Any) -> st.SearchStrategy[bytes]:
    """A JSON value in some encoding, whole or cut off."""
    text = json.dumps(value)
    encodings = st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32", "latin-1", "cp500"])
    whole = encodings.map(text.encode)
    return whole | st.builds(lambda body, end: body[:end], whole, st.integers(0, len(text)))


def anything() -> st.SearchStrategy[bytes]:
    """Any content of a file."""
    nested = st.builds(
        lambda opening, levels: opening * levels, st.sampled_from([b"[", b'{"a":']), st.integers(1, 100_000)
    )
    return st.binary(max_size=60) | JSON.flatmap(packed) | nested
