"""Finds errors in an expression of a stream map before the first record."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from difflib import get_close_matches
from types import ModuleType
from typing import TYPE_CHECKING, Any, NoReturn, TypeAlias

from planhat_api.plugin.expressions.location import CONFIG, MAP_CONFIG, shown

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Iterator, Mapping

__all__ = ["HIDDEN_METHODS", "HIDDEN_PREFIXES", "Columns", "Evaluator", "near", "problem_of"]

HIDDEN_PREFIXES = ("_", "func_")
"""Beginnings of names that no expression may use after a dot."""
HIDDEN_METHODS = frozenset(
    {"exec", "format", "format_map", "mro", "tb_frame", "gi_frame", "ag_frame", "cr_frame"},
)
"""Names that no expression may use after a dot."""

_ALWAYS = frozenset({"_", "record", CONFIG, "__stream_name__", "__original_stream_name__"})
_TEXT_METHODS = frozenset(name for name in dir(str) if not name.startswith("_") and name not in HIDDEN_METHODS)
_OPEN = ("patternProperties", "allOf", "anyOf", "oneOf", "$ref", "if", "dependentSchemas")
_UNKNOWN = object()
_Comprehension: TypeAlias = ast.ListComp | ast.GeneratorExp | ast.DictComp
_CONSTRUCTS: Mapping[type[ast.AST], str] = {
    ast.Await: "await",
    ast.Lambda: "lambda",
    ast.NamedExpr: "an assignment with :=",
    ast.SetComp: "a set made by `for`",
    ast.Starred: "a star before a value, outside of a list",
    ast.Yield: "yield",
    ast.YieldFrom: "yield",
}


@dataclass(frozen=True)
class Evaluator:
    """What the evaluator of expressions offers.

    Attributes:
        functions: Functions, types and modules by name.
        constants: Names with the same value for every record.
        nodes: Kinds of expressions that it supports.
        operators: Operators that it supports.
    """

    functions: Mapping[str, object]
    constants: Mapping[str, object]
    nodes: Container[type[ast.AST]]
    operators: Container[type[ast.AST]]

    @classmethod
    def of(cls, evaluator: Any, constants: Mapping[str, object]) -> Evaluator:  # noqa: ANN401 -- its library has no types
        """Read what an evaluator of the library simpleeval offers."""
        return cls(evaluator.functions, constants, evaluator.nodes, evaluator.operators)

    @property
    def names(self) -> frozenset[str]:
        """Names that do not depend on the columns."""
        return frozenset(self.functions) | frozenset(self.constants) | _ALWAYS


@dataclass(frozen=True)
class Columns:
    """The columns of a stream, as far as its schema declares them.

    Attributes:
        names: Columns that the schema declares.
        texts: Columns that contain only texts and nulls.
        are_all: Whether records have no other columns.
        left_out: Columns that exist, but not in the records of this run.
    """

    names: frozenset[str]
    texts: frozenset[str] = frozenset()
    are_all: bool = True
    left_out: frozenset[str] = frozenset()

    @classmethod
    def of(cls, schema: Mapping[str, Any], left_out: Iterable[str] = ()) -> Columns:
        """The columns that a schema declares.

        Args:
            schema: The schema. If it has no columns, or allows further ones, records may have other columns.
            left_out: Columns that exist, but not in the records of this run. If there are any, columns that the schema
                does not declare are left out as well.
        """
        properties, left_out = schema.get("properties") or {}, frozenset(left_out)
        is_open = not properties or schema.get("additionalProperties") or any(name in schema for name in _OPEN)
        texts = frozenset(name for name, column in properties.items() if _holds_text(column))
        return cls(frozenset(properties), texts, are_all=bool(left_out) or not is_open, left_out=left_out)


def _holds_text(column: object) -> bool:
    types = column.get("type") if isinstance(column, dict) else None
    listed = types if isinstance(types, list) else [types]
    return "string" in listed and all(name in ("string", "null") for name in listed)


def problem_of(text: str, prop: str, columns: Columns | None, evaluator: Evaluator) -> str | None:
    """Why an expression can never work; None if no error is found."""
    try:
        _Check(prop, columns, evaluator).expression(_parsed(text))
    except _NeverWorksError as err:
        return str(err)
    except RecursionError:
        return "it is nested too deeply"
    return None


class _NeverWorksError(Exception):
    """An expression can never work. The message says why."""


def _parsed(text: str) -> ast.expr:
    try:
        body = ast.parse(text).body
    except SyntaxError as err:
        _refuse(f"it is not written correctly ({err.msg})")
    except (ValueError, MemoryError):
        _refuse("it is not written correctly")
    if not body:
        _refuse("it is empty")
    if not isinstance(body[0], ast.Expr):
        hint = "; == compares" if isinstance(body[0], ast.Assign) else ""
        _refuse(f"it is a statement, not an expression{hint}")
    return body[0].value


class _Check:
    """Walks through one expression like the evaluator, and raises `_NeverWorksError` at a part that always fails."""

    def __init__(self, prop: str, columns: Columns | None, evaluator: Evaluator) -> None:
        self._prop = prop
        self._columns = columns
        self._evaluator = evaluator
        self._has_self = columns is not None and prop in columns.names

    def expression(self, node: ast.AST, bound: frozenset[str] = frozenset(), *, sure: bool = True) -> None:
        """Check a part.

        Args:
            node: The part.
            bound: Names that a `for` around it defines.
            sure: Whether it is evaluated for every record.
        """
        self._construct(node)
        if isinstance(node, ast.Name):
            self._name(node.id, bound)
        elif isinstance(node, ast.Attribute):
            self._attribute(node, bound, sure=sure)
        elif isinstance(node, ast.Call):
            self._call(node, bound, sure=sure)
        elif isinstance(node, _Comprehension):
            self._comprehension(node, bound, sure=sure)
        else:
            for part, always in _parts(node):
                self.expression(part, bound, sure=sure and always)
            if isinstance(node, ast.Subscript) and sure:
                self._entry(node, bound)

    def _construct(self, node: ast.AST) -> None:
        kind = type(node)
        if kind not in self._evaluator.nodes:
            _refuse(f"{_CONSTRUCTS.get(kind, kind.__name__)} is not available in stream maps")
        operator = type(node.op) if isinstance(node, ast.BinOp | ast.UnaryOp) else None
        if operator and operator not in self._evaluator.operators:
            _refuse(f"the operator {operator.__name__} is not available in stream maps")

    def _name(self, name: str, bound: frozenset[str]) -> None:
        columns, offered = self._columns, self._evaluator.names
        if columns is None or name in bound | offered | columns.names or (name == "self" and self._has_self):
            return
        if name in columns.left_out:
            _refuse(f"the column {name!r} is not selected, so no record has it")
        if not columns.are_all:
            return
        if name == "self":
            _refuse(f"self stands for the column {self._prop!r}, which the stream does not have")
        if name == "fake":
            _refuse("fake needs the package faker, which is not installed beside this plugin")
        undeclared = f"; _.get({name!r}) reads one that the schema does not declare"
        _refuse(f"the stream has no column {name!r}{near(name, columns.names | bound | offered) or undeclared}")

    def _attribute(self, node: ast.Attribute, bound: frozenset[str], *, sure: bool) -> None:
        name = node.attr
        if name.startswith(HIDDEN_PREFIXES) or name in HIDDEN_METHODS:
            _refuse(f".{name} is not available in stream maps")
        self.expression(node.value, bound, sure=sure)
        if self._is_text(node.value, bound) and name not in _TEXT_METHODS:
            _refuse(f"a text has no {name}{near(name, _TEXT_METHODS)}")
        self._offered(node, bound)

    def _is_text(self, node: ast.AST, bound: frozenset[str]) -> bool:
        if isinstance(node, ast.Constant):
            return isinstance(node.value, str)
        if not isinstance(node, ast.Name) or self._columns is None:
            return False
        if node.id in bound:
            return False
        return (self._prop if node.id == "self" and self._has_self else node.id) in self._columns.texts

    def _call(self, node: ast.Call, bound: frozenset[str], *, sure: bool) -> None:
        if isinstance(node.func, ast.Name):
            self._function(node.func.id)
        elif isinstance(node.func, ast.Attribute):
            self.expression(node.func, bound, sure=sure)
        else:
            _refuse("only what has a name can be called in stream maps")
        if any(keyword.arg is None for keyword in node.keywords):
            _refuse("** in a call is not available in stream maps")
        for part in (*node.args, *(keyword.value for keyword in node.keywords)):
            self.expression(part, bound, sure=sure)

    def _function(self, name: str) -> None:
        functions = self._evaluator.functions
        if name in functions:
            return
        what = f"there is no function {name!r}"
        if self._columns and name in self._columns.names:
            what = f"the column {name!r} is no function"
        nearest = get_close_matches(name, [*functions, *_TEXT_METHODS], n=1)
        if nearest and nearest[0] in _TEXT_METHODS:
            _refuse(f"{what}; {nearest[0]} is a method of a text: ….{nearest[0]}()")
        _refuse(what + near(name, functions))

    def _comprehension(self, node: _Comprehension, bound: frozenset[str], *, sure: bool) -> None:
        for generator in node.generators:
            self.expression(generator.iter, bound, sure=sure)
            # The list may be empty, so it is not certain that the rest is evaluated.
            sure = False
            bound |= set(_targets(generator.target))
            for condition in generator.ifs:
                self.expression(condition, bound, sure=False)
        for part in (node.key, node.value) if isinstance(node, ast.DictComp) else (node.elt,):
            self.expression(part, bound, sure=False)

    def _entry(self, node: ast.Subscript, bound: frozenset[str]) -> None:
        """Check an entry of an object that is the same for every record."""
        owner = self._offered(node.value, bound)
        if isinstance(owner, dict) and isinstance(node.slice, ast.Constant) and node.slice.value not in owner:
            name = node.slice.value
            base = ast.unparse(node.value)
            only = f"; it holds {MAP_CONFIG} alone, no other setting and no secret" if base == CONFIG else ""
            _refuse(f"{base} has no {name!r}{near(str(name), map(str, owner))}{only}")

    def _offered(self, node: ast.AST, bound: frozenset[str]) -> object:
        """The value of a part if it is the same for every record; else `_UNKNOWN`."""
        if isinstance(node, ast.Name) and node.id not in bound:
            if node.id in self._evaluator.constants:
                return self._evaluator.constants[node.id]
            if self._columns is not None and node.id not in self._columns.names:
                return self._evaluator.functions.get(node.id, _UNKNOWN)
        if not isinstance(node, ast.Attribute):
            return _UNKNOWN
        owner = self._offered(node.value, bound)
        # After the dot of an object, the evaluator looks up its entries.
        if owner is _UNKNOWN or isinstance(owner, dict):
            return _UNKNOWN
        found = getattr(owner, node.attr, _UNKNOWN)
        if found is _UNKNOWN:
            # The evaluator wraps modules.
            members = dir(getattr(owner, "_module", owner))
            known = (name for name in members if not name.startswith(HIDDEN_PREFIXES))
            _refuse(f"{ast.unparse(node.value)} has no {node.attr}{near(node.attr, known)}")
        if isinstance(found, ModuleType):
            _refuse(f"{ast.unparse(node)} is not available in stream maps")
        return found


def _parts(node: ast.AST) -> Iterator[tuple[ast.AST, bool]]:
    """The parts of an expression, and whether each of them is always evaluated with it."""
    lazy: list[ast.expr] = []
    if isinstance(node, ast.IfExp):
        lazy = [node.body, node.orelse]
    elif isinstance(node, ast.BoolOp):
        lazy = node.values[1:]
    elif isinstance(node, ast.Compare):
        lazy = node.comparators[1:]
    for part in ast.iter_child_nodes(node):
        if isinstance(part, ast.Starred) and isinstance(node, ast.List):
            yield part.value, True
        elif isinstance(part, ast.expr):
            yield part, part not in lazy


def _targets(target: ast.expr) -> Iterator[str]:
    if isinstance(target, ast.Name):
        yield target.id
    elif isinstance(target, ast.Tuple | ast.List):
        for part in target.elts:
            yield from _targets(part)
    else:
        _refuse(f"{shown(ast.unparse(target))} after `for` is not available in stream maps")


def near(name: str, known: Iterable[str]) -> str:
    """A suggestion for a misspelt name, as the end of a sentence."""
    folded = {entry.lower(): entry for entry in known}
    found = get_close_matches(name.lower(), folded, n=1)
    return f"; did you mean {folded[found[0]]!r}?" if found else ""


def _refuse(text: str) -> NoReturn:
    raise _NeverWorksError(text)
