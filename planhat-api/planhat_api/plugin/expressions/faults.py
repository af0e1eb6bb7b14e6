"""Explains why an expression failed on a record, without any value of the record."""

from __future__ import annotations

import ast
import json
from dataclasses import dataclass
from decimal import Decimal
from traceback import walk_tb
from typing import TYPE_CHECKING, Any

from planhat_api.plugin.expressions.check import near
from planhat_api.plugin.expressions.location import shown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

__all__ = ["EVALUATOR_FAULTS", "reason_of"]

_UNKNOWN = object()
_KINDS: tuple[tuple[tuple[type, ...], str], ...] = (
    ((type(None),), "null"),
    ((bool,), "a boolean"),
    ((str,), "a text"),
    ((int, float, Decimal), "a number"),
    ((list, tuple), "a list"),
    ((dict,), "an object"),
)


def reason_of(error: BaseException, text: str, names: Mapping[str, Any]) -> str:
    """Why an expression failed.

    Args:
        error: What it raised. Its message is not used, because it may quote the record.
        text: The expression.
        names: The values of the names in it.
    """
    cause = error.__cause__ or error
    fault = _Fault(text, names, *_failing_part(cause))
    words = EVALUATOR_FAULTS.get(type(cause).__name__)
    if words is None:
        words = next((told for kind, told in _FAULTS if isinstance(cause, kind)), None)
    return words(fault) if words else f"it fails ({type(cause).__name__})"


def _failing_part(error: BaseException) -> tuple[ast.expr | None, object]:
    """The part that was evaluated last, and the value before its dot.

    The evaluator calls itself for each part, and has the part in a variable. If a later version does not, the
    explanation is only less exact.
    """
    part, owner = None, _UNKNOWN
    for frame, _ in walk_tb(error.__traceback__):
        node = frame.f_locals.get("node")
        if isinstance(node, ast.expr):
            part, owner = node, frame.f_locals.get("node_evaluated", _UNKNOWN)
    return part, owner


@dataclass
class _Fault:
    """An expression that failed.

    Attributes:
        text: The expression.
        names: What the names in it stand for.
        part: The part that failed, if known.
        owner: The value before its dot, if known.
    """

    text: str
    names: Mapping[str, Any]
    part: ast.expr | None
    owner: object

    @property
    def tree(self) -> ast.AST:
        """The expression, parsed."""
        return ast.parse(self.text).body[0]

    @property
    def shown(self) -> str:
        """The part that failed."""
        return shown(ast.unparse(self.part) if self.part else self.text)

    def value(self, node: ast.AST) -> object:
        """The value of a part, if it only looks up a value."""
        if isinstance(node, ast.Constant):
            return node.value
        if isinstance(node, ast.Name):
            return self.names.get(node.id, _UNKNOWN)
        if isinstance(node, ast.Attribute):
            return _entry(self.value(node.value), node.attr)
        if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant):
            return _entry(self.value(node.value), node.slice.value)
        return _UNKNOWN

    def operands(self) -> Iterator[ast.expr]:
        """The operands of the part that failed."""
        for child in ast.iter_child_nodes(self.part) if self.part else ():
            inner = child.value if isinstance(child, ast.keyword) else child
            inner = inner.iter if isinstance(inner, ast.comprehension) else inner
            if isinstance(inner, ast.expr):
                yield inner

    def empty(self, node: ast.expr, what: str) -> str:
        """Explains that a part is null where a value is needed, and how to handle that."""
        base = ast.unparse(node)
        words = f"{shown(base)} is empty (null), and {what}"
        if self.value(node) is not None:
            return words
        is_conditional = any(isinstance(child, ast.IfExp) for child in ast.iter_child_nodes(self.tree))
        whole = f"({self.text.strip()})" if is_conditional else self.text.strip()
        return f"{words}; where it may be empty, write {shown(f'{whole} if {base} else None')}"


def _entry(owner: object, name: object) -> object:
    try:
        return owner[name] if isinstance(owner, dict) else _UNKNOWN
    except (KeyError, TypeError):
        return _UNKNOWN


def _kind(value: object) -> str:
    return next((words for kinds, words in _KINDS if isinstance(value, kinds)), "a value of its kind")


def _no_member(fault: _Fault) -> str:
    """There is no member of this name after a dot."""
    node = fault.part
    if not isinstance(node, ast.Attribute) or fault.owner is _UNKNOWN:
        return f"{fault.shown} is not there"
    calls = (call.func for call in ast.walk(fault.tree) if isinstance(call, ast.Call))
    member = f"{node.attr}()" if any(ast.dump(function) == ast.dump(node) for function in calls) else node.attr
    if fault.owner is None:
        return fault.empty(node.value, f"null has no {member}")
    if isinstance(fault.owner, dict):
        return _no_entry(node.value, node.attr)
    kind = _kind(fault.owner)
    return f"{shown(ast.unparse(node.value))} is {kind}, and {kind} has no {member}"


def _no_entry(owner: ast.expr, name: object) -> str:
    base = ast.unparse(owner)
    return f"{shown(base)} has no {name!r}; {shown(f'{base}.get({name!r})')} is null where there is none"


def _no_key(fault: _Fault) -> str:
    node = fault.part
    if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant):
        return _no_entry(node.value, node.slice.value)
    return f"an object does not have the key in {fault.shown}"


def _no_name(fault: _Fault) -> str:
    """A name has no value: neither schema nor record has the column, or an item of a list has too few parts."""
    name = fault.part.id if isinstance(fault.part, ast.Name) else ""
    made = (node.id for node in ast.walk(fault.tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store))
    if name in made:
        return f"an item of a list has no part for {name!r}"
    hint = near(name, fault.names) or f"; {shown(f'_.get({name!r})')} is null where there is none"
    return f"the record has no column {name!r}{hint}"


def _wrong_kinds(fault: _Fault) -> str:
    """Values that a function or an operator cannot take."""
    operands = [(node, fault.value(node)) for node in fault.operands()]
    for node, value in operands:
        if value is None:
            return fault.empty(node, f"{fault.shown} needs a value")
    known = [_kind(value) for _, value in operands if value is not _UNKNOWN]
    if isinstance(fault.part, ast.BinOp | ast.Compare) and len(known) == len(operands):
        return f"{' and '.join(known)} do not go together in {fault.shown}"
    return f"a value in {fault.shown} is empty (null) or not of the kind that is needed"


def _unfit(fault: _Fault) -> str:
    """A value of the right kind that a function cannot take."""
    name = ast.unparse(fault.part.func) if isinstance(fault.part, ast.Call) else ""
    if name in {"int", "float"}:
        return f"a text cannot be turned into a number in {fault.shown}"
    if name.startswith("datetime."):
        return f"a value is not a date or time for {fault.shown}"
    return f"a value is invalid in {fault.shown}"


EVALUATOR_FAULTS: Mapping[str, Callable[[_Fault], str]] = {
    "AttributeDoesNotExist": _no_member,
    "NameNotDefined": _no_name,
    "FeatureNotAvailable": lambda fault: f"{fault.shown} is not available in stream maps",
    "NumberTooHigh": lambda fault: f"a number in {fault.shown} is too large",
    "IterableTooLong": lambda fault: f"a value in {fault.shown} is too long",
}
"""Explanations of the evaluator's errors, by the names of their classes."""

_FAULTS: tuple[tuple[type[BaseException], Callable[[_Fault], str]], ...] = (
    (KeyError, _no_key),
    (IndexError, lambda fault: f"a list or a text is too short for {fault.shown}"),
    (ZeroDivisionError, lambda fault: f"division by zero in {fault.shown}"),
    (OverflowError, lambda fault: f"a number in {fault.shown} is too large"),
    (json.JSONDecodeError, lambda fault: f"a text is not JSON in {fault.shown}"),
    (TypeError, _wrong_kinds),
    # A function got a value without the methods that it needs.
    (AttributeError, _wrong_kinds),
    (ValueError, _unfit),
    (RecursionError, lambda _: "it is nested too deeply"),
    (MemoryError, lambda _: "its result is too large"),
)
