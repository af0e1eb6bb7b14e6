"""Expressions of stream maps: what can never work is refused, what fails is told in words."""

from __future__ import annotations

import ast
import json
import logging
from typing import Any

import pytest
import simpleeval  # type: ignore[import-untyped]
from hypothesis import given, settings
from hypothesis import strategies as st
from singer_sdk.exceptions import MapExpressionError
from singer_sdk.mapper import CustomStreamMap

from planhat_api import ConfigurationError
from planhat_api.plugin.expressions import Columns, Evaluator, ExpressionError, Expressions, check_maps, check_stream
from planhat_api.plugin.expressions.check import HIDDEN_METHODS, HIDDEN_PREFIXES, problem_of
from planhat_api.plugin.expressions.evaluation import _with_nulls
from planhat_api.plugin.expressions.faults import EVALUATOR_FAULTS

CONFIG = {"allowed": ["a"], "floor": 3}
TEXT = {"type": ["string", "null"]}
SCHEMA: dict[str, Any] = {"properties": {"name": TEXT, "mrr": {"type": "number"}, "tags": {}, "custom": {}}}
UNDEFINED = (
    simpleeval.NameNotDefined,
    simpleeval.FunctionNotDefined,
    simpleeval.OperatorNotDefined,
    simpleeval.FeatureNotAvailable,
)


def made_map() -> CustomStreamMap:
    return CustomStreamMap("companies", CONFIG, {}, {"properties": {}}, None, {}, None, stream_name="companies")


MAP = made_map()
EVALUATOR = Evaluator.of(MAP.expr_evaluator, {"config": CONFIG})


def problem(text: str, prop: str = "name", schema: dict[str, Any] | None = None) -> str | None:
    return problem_of(text, prop, Columns.of(SCHEMA if schema is None else schema), EVALUATOR)


def evaluate(text: str, record: dict[str, Any], schema: dict[str, Any], prop: str = "name") -> Any:
    """What the SDK makes of an expression, with nulls for absent columns."""
    columns = frozenset(schema["properties"])
    known = _with_nulls(record, columns | {"self"} if prop in columns else columns)
    try:
        return MAP._eval(text, ast.parse(text).body[0], known, prop)  # type: ignore[arg-type]
    except MapExpressionError as err:
        raise err.__cause__ or err from None


def told(text: str, record: dict[str, Any], schema: dict[str, Any] | None = None, prop: str = "name") -> str:
    """Why an expression fails on a record."""
    columns = frozenset((SCHEMA if schema is None else schema)["properties"])
    expressions = Expressions("companies", "companies", columns)
    with pytest.raises(ExpressionError) as caught:
        expressions.value(lambda known: MAP._eval(text, ast.parse(text).body[0], known, prop), record, text, prop)  # type: ignore[arg-type]
    assert caught.value.__cause__ is None
    where = f"stream 'companies', property {prop!r}, expression {text!r}: "
    assert str(caught.value).startswith(where)
    return str(caught.value).removeprefix(where)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("name.(", "not written correctly"),
        ("", "empty"),
        ("# nothing", "empty"),
        (" name", "not written correctly (unexpected indent)"),
        ("name = 1", "== compares"),
        ("import os", "statement"),
        ("-" * 50_000 + "1", ""),
        ("nmae.upper()", "no column 'nmae'; did you mean 'name'?"),
        ("NAME", "did you mean 'name'?"),
        ("xyz", "_.get('xyz')"),
        ("uper(name)", "there is no function 'uper'; upper is a method of a text"),
        ("flaot(mrr)", "did you mean 'float'?"),
        ("name()", "the column 'name' is no function"),
        ("name.uper()", "a text has no uper; did you mean 'upper'?"),
        ("self.uper()", "a text has no uper"),
        ("'a'.uper()", "a text has no uper"),
        ("name.__class__", ".__class__ is not available"),
        ("'{}'.format(name)", ".format is not available"),
        ("lambda: name", "lambda is not available"),
        ("{tag for tag in tags}", "a set made by `for` is not available"),
        ("(other := name)", ":= is not available"),
        ("mrr @ mrr", "operator MatMult"),
        ("str(*tags)", "a star before a value"),
        ("dict(**custom)", "** in a call"),
        ("custom['f'](1)", "only what has a name can be called"),
        ("[tag for tag in tgas]", "did you mean 'tags'?"),
        ("[tga for tag in tags]", "did you mean 'tag'?"),
        ("[1 for custom.a in tags]", "after `for` is not available"),
        ("name if mrr else nmae", "did you mean 'name'?"),
        ("json.dumsp(name)", "json has no dumsp; did you mean 'dump"),
        ("datetime.datetime.nwo()", "datetime.datetime has no nwo; did you mean 'now'?"),
        ("datetime.sys.exit()", "datetime.sys is not available"),
        ("name in config['alowed']", "config has no 'alowed'; did you mean 'allowed'?"),
        (
            "config['api_token']",
            "config has no 'api_token'; it holds stream_map_config alone, no other setting",
        ),
        ("fake.email()", "faker"),
    ],
)
def test_what_can_never_work_is_refused_with_the_right_name(text: str, why: str) -> None:
    found = problem(text)
    assert found is not None
    assert why in found


@pytest.mark.parametrize(
    "text",
    [
        "name.upper() if name else None",
        "_.get('nmae')",
        "record['nmae']",
        "[tag.strip() for tag in tags if tag]",
        "{key: value for key, value in custom.items()}",
        "[*tags, name]",
        "f'{name:>10} {mrr}'",
        "custom.anything.at.all",
        "mrr.anything",
        "json.dumps(custom)",
        "datetime.datetime.now().isoformat()",
        "name in config['allowed'] or mrr > config['floor'] > 2",
        "config['maybe'] if 'maybe' in config else None",
        "md5(self) + __stream_name__ + __original_stream_name__",
        "bool(name) and not tags[1:2]",
        "str  # a comment",
    ],
)
def test_what_may_work_is_accepted(text: str) -> None:
    assert problem(text) is None


def test_self_needs_a_column_to_stand_for() -> None:
    assert "self stands for the column 'label'" in str(problem("self", "label"))
    assert problem("self", "label", {"properties": {"self": {}}}) is None


@pytest.mark.parametrize(
    "schema",
    [{}, {"properties": {}}, {**SCHEMA, "additionalProperties": True}, {**SCHEMA, "patternProperties": {"x": {}}}],
)
def test_where_more_columns_may_come_an_unknown_name_is_no_error(schema: dict[str, Any]) -> None:
    assert problem("whatever", schema=schema) is None
    assert problem("whatever(name)", schema=schema) is not None


def test_a_column_that_is_not_selected_is_named_as_such() -> None:
    columns = Columns.of({**SCHEMA, "additionalProperties": True}, left_out={"phase"})
    assert "'phase' is not selected" in str(problem_of("phase", "name", columns, EVALUATOR))
    assert "no column 'unheard'" in str(problem_of("unheard", "name", columns, EVALUATOR))


def test_a_column_hides_a_module_of_its_name() -> None:
    assert problem("json.anything", schema={"properties": {"json": {}}}) is None
    assert problem("json.anything", schema=SCHEMA) is not None


def test_all_problems_are_told_at_once_with_their_places() -> None:
    maps = {
        "companies": {"__filter__": "nmae", "name": "uper(name)", "mrr": None, "tags": "__NULL__"},
        "copy": {"__source__": "comp*", "name": "nmae", "__alias__": "whatever it is"},
        "others": {"name": "nmae"},
    }
    with pytest.raises(ConfigurationError) as caught:
        check_stream("companies", Columns.of(SCHEMA), maps, EVALUATOR)
    assert caught.value.setting == "stream_maps"
    for place in (
        "stream 'companies', property '__filter__', expression 'nmae':",
        "stream 'companies', property 'name', expression 'uper(name)':",
        "stream 'copy' made of 'companies', property 'name', expression 'nmae':",
    ):
        assert place in str(caught.value)
    assert "others" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_before_any_schema_names_are_left_alone() -> None:
    check_maps({"companies": {"name": "nmae"}}, EVALUATOR)
    with pytest.raises(ConfigurationError, match="and 2 more"):
        check_maps({"companies": {f"c{number}": "uper(1)" for number in range(7)}}, EVALUATOR)


def test_an_expression_is_shown_on_one_line_and_not_in_full() -> None:
    text = "nmae + '''\n\x1b[31m''' + " + "name + " * 100 + "name"
    with pytest.raises(ConfigurationError) as caught:
        check_stream("companies", Columns.of(SCHEMA), {"companies": {"name": text}}, EVALUATOR)
    assert "\n" not in str(caught.value)
    assert "\x1b" not in str(caught.value)
    assert len(str(caught.value)) < 300


FAULTS = [
    ("name.upper()", {}, "'name' is empty (null), and null has no upper()"),
    ("name.upper()", {}, "write 'name.upper() if name else None'"),
    ("name.upper() if mrr else 1", {"mrr": 1}, "write '(name.upper() if mrr else 1) if name else None'"),
    ("self + 'x'", {}, "'self' is empty (null), and \"self + 'x'\" needs a value"),
    ("mrr + 1", {}, "'mrr' is empty (null), and 'mrr + 1' needs a value"),
    ("int(name)", {}, "'name' is empty (null), and 'int(name)' needs a value"),
    ("md5(name)", {}, "'name' is empty (null), and 'md5(name)' needs a value; where it may be empty, write"),
    ("md5(mrr)", {"mrr": 4711}, "a value in 'md5(mrr)' is empty (null) or not of the kind that is needed"),
    ("int(name)", {"name": "PII"}, "a text cannot be turned into a number in 'int(name)'"),
    ("float(name)", {"name": "PII"}, "a text cannot be turned into a number"),
    ("float(name)", {"name": "nan"}, "a number that JSON does not have"),
    ("{'a': [float(name)]}", {"name": "inf"}, "its value holds a number that JSON does not have"),
    ("name + mrr", {"name": "PII", "mrr": 4711}, "a text and a number do not go together in 'name + mrr'"),
    ("name < mrr", {"name": "PII", "mrr": 4711}, "a text and a number do not go together in 'name < mrr'"),
    ("mrr / tags", {"mrr": 4711, "tags": 0}, "division by zero in 'mrr / tags'"),
    ("mrr.upper()", {"mrr": 4711}, "'mrr' is a number, and a number has no upper()"),
    ("tags[3]", {"tags": ["PII"]}, "a list or a text is too short for 'tags[3]'"),
    ("tags[0]", {}, "'tags' is empty (null)"),
    ("custom['a']", {"custom": {"b": "PII"}}, "'custom' has no 'a'; \"custom.get('a')\" is null where there is none"),
    ("custom.a", {"custom": {"b": "PII"}}, "'custom' has no 'a'"),
    ("custom.a.upper()", {"custom": {"a": None}}, "'custom.a' is empty (null), and null has no upper()"),
    ("custom[name]", {"custom": {}, "name": "PII"}, "an object does not have the key in 'custom[name]'"),
    ("[tag.upper() for tag in tags]", {}, "'tags' is empty (null)"),
    ("[tag.upper() for tag in tags]", {"tags": [None]}, "'tag' is empty (null), and null has no upper()"),
    ("[b for a, b in tags]", {"tags": [["PII"]]}, "an item of a list has no part for 'b'"),
    ("json.loads(name)", {"name": "PII"}, "a text is not JSON"),
    ("datetime.datetime.fromisoformat(name)", {"name": "PII"}, "a value is not a date or time for"),
    ("name.index('x')", {"name": "PII"}, "a value is invalid in"),
    ("10 ** tags", {"tags": 10**7}, "a number in '10 ** tags' is too large"),
    ("name * 1000000", {"name": "PII"}, "a value in 'name * 1000000' is too long"),
    ("1.5 ** tags", {"tags": 10**6}, "too large"),
    ("name.upper", {"name": "PII"}, "no column can hold its value (builtin_function_or_method); is () missing"),
    ("[str]", {}, "no column can hold its value (list)"),
    ("name in mrr", {"name": "PII", "mrr": 4711}, "a text and a number do not go together"),
    ("dict(name, tags)", {"name": "PII"}, "'tags' is empty (null)"),
    ("custom.items(name)", {"custom": {}, "name": "PII"}, "empty (null) or not of the kind that is needed"),
]


@pytest.mark.parametrize(("text", "record", "why"), FAULTS)
def test_a_failure_is_told_in_words_without_a_value(text: str, record: dict[str, Any], why: str) -> None:
    words = told(text, record)
    assert why in words
    assert "PII" not in words
    assert "4711" not in words


def test_an_unknown_column_of_an_open_schema_is_told_with_the_nearest_name() -> None:
    assert told("nmae", {"name": "a"}) == "the record has no column 'nmae'; did you mean 'name'?"
    assert told("xyz", {}) == "the record has no column 'xyz'; \"_.get('xyz')\" is null where there is none"


def test_without_the_variables_of_the_evaluator_the_words_are_less_exact_no_more() -> None:
    def unlike(_: object) -> object:
        msg = "PII"
        raise simpleeval.AttributeDoesNotExist(msg, msg)

    expressions = Expressions("companies", "companies", frozenset({"name"}))
    with pytest.raises(ExpressionError, match=r": 'name.upper\(\)' is not there$"):
        expressions.value(unlike, {}, "name.upper()", "name")


def test_the_names_taken_from_the_evaluator_are_its_own() -> None:
    assert {*HIDDEN_PREFIXES} == {*simpleeval.DISALLOW_PREFIXES}
    assert {*HIDDEN_METHODS} == {*simpleeval.DISALLOW_METHODS}
    for name in EVALUATOR_FAULTS:
        assert issubclass(getattr(simpleeval, name), simpleeval.InvalidExpression)


def test_absent_columns_are_null_by_any_way_and_yet_absent() -> None:
    schema: dict[str, Any] = {"properties": {"name": {}, "phase": {}}}
    for text in ("phase", "_.phase", "_['phase']", "record.phase", "self", "_.get('phase')", "_.copy().phase"):
        assert evaluate(text, {"name": "a"}, schema, "phase") is None
    assert evaluate("'phase' in _", {"name": "a"}, schema) is False
    assert evaluate("record.get('phase', 'none')", {"name": "a"}, schema) == "none"
    assert evaluate("record", {"name": "a"}, schema) == {"name": "a"}
    assert evaluate("externalId in config['allowed']", {}, {"properties": {"externalId": {}}}) is False


def test_what_an_expression_gives_is_json() -> None:
    expressions = Expressions("companies", "companies", frozenset())

    def value(text: str) -> Any:
        return expressions.value(lambda known: MAP._eval(text, ast.parse(text).body[0], known, "x"), {}, text, "x")  # type: ignore[arg-type]

    assert value("datetime.date(2024, 2, 29)") == "2024-02-29"
    assert value("datetime.datetime(2024, 2, 29)") == "2024-02-29T00:00:00"
    assert value("{1}") == [1]
    assert value("{1: {2: [datetime.date(2024, 2, 29)]}}") == {"1": {"2": ["2024-02-29"]}}
    assert json.dumps(value("record")) == "{}"


# The check against the evaluator, on random expressions, schemas and records.

_COLUMNS = ("name", "mrr", "tags")
_STRANGERS = ("nmae", "whatever")
_NAMES = st.sampled_from([*_COLUMNS, *_STRANGERS, "_", "record", "config", "self", "__stream_name__", "str", "item"])
_ATOMS = _NAMES | st.sampled_from(["1", "'a'", "None", "'name'", "[]", "0", "config['allowed']", "config['unheard']"])


def _combined(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    forms = st.sampled_from(
        [
            "({0} + {1})",
            "({0} == {1} < {2})",
            "({0} if {1} else {2})",
            "({0} or {1})",
            "(not {0})",
            "[{0}, {1}]",
            "[*{0}]",
            "{{'k': {0}, **{1}}}",
            "[{0} for item in {1}]",
            "{{item: {0} for item in {1} if {2}}}",
            "str({0})",
            "uper({0})",
            "item({0})",
            "({0}).upper()",
            "({0}).uper()",
            "({0}).get('name', {1})",
            "({0}).name",
            "({0})[{1}]",
            "({0})[{1}:]",
            "json.dumps({0})",
            "json.dmps({0})",
            "md5({0})",
            'f"{{{0}}}"',
            # What the evaluator does not do.
            "(lambda: {0})",
            "{{item for item in {0}}}",
            "({0} @ {1})",
            "str(*{0})",
            "dict(**{0})",
            "({0})._hidden",
            "({0}).format()",
            "({0})({1})",
        ]
    )
    return st.builds(lambda form, *parts: form.format(*parts), forms, inner, inner, inner)


_EXPRESSIONS = st.recursive(_ATOMS, _combined, max_leaves=6)
_TEXTS = st.none() | st.text(max_size=3)
_ANYTHING = st.recursive(
    _TEXTS | st.integers(-3, 3),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from([*_COLUMNS, "k"]), inner, max_size=2),
    max_leaves=3,
)


@st.composite
def _schemas_and_records(draw: st.DrawFn) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """A schema, open or not, and records that fit it, some columns absent."""
    columns = draw(st.dictionaries(st.sampled_from(_COLUMNS), st.sampled_from([{}, TEXT]), min_size=1))
    is_open = draw(st.booleans())
    values = {name: _TEXTS if column else _ANYTHING for name, column in columns.items()}
    others = dict.fromkeys([*_COLUMNS, *_STRANGERS], _ANYTHING) if is_open else {}
    records = st.fixed_dictionaries({}, optional={**others, **values})
    schema = {"properties": columns, **({"additionalProperties": True} if is_open else {})}
    return schema, draw(st.lists(records, min_size=1, max_size=3))


def _parsable(text: str) -> bool:
    try:
        ast.parse(text)
    except SyntaxError:
        return False
    return True


_PARSABLE = _EXPRESSIONS.filter(_parsable)


def _outcome(text: str, record: dict[str, Any], schema: dict[str, Any]) -> Exception | None:
    """The error of an expression; None if it gives something."""
    try:
        evaluate(text, record, schema)
    except Exception as err:  # noqa: BLE001 -- whatever the values make of it
        return err
    return None


@settings(max_examples=400, deadline=None)
@given(text=_PARSABLE, given=_schemas_and_records())
def test_an_accepted_expression_never_meets_an_undefined_name(text: str, given: Any) -> None:
    schema, records = given
    if problem_of(text, "name", Columns.of(schema), EVALUATOR) is not None:
        return
    may_be_unknown = (simpleeval.NameNotDefined,) if "additionalProperties" in schema else ()
    for record in records:
        err = _outcome(text, record, schema)
        assert isinstance(err, may_be_unknown) or not isinstance(err, UNDEFINED), err


class _Eager(ast.NodeTransformer):
    """Makes an expression evaluate all its parts: what stands in a branch cannot hide there."""

    def visit_IfExp(self, node: ast.IfExp) -> ast.AST:
        self.generic_visit(node)
        return ast.List([node.test, node.body, node.orelse], ast.Load())

    def visit_BoolOp(self, node: ast.BoolOp) -> ast.AST:
        self.generic_visit(node)
        return ast.List(node.values, ast.Load())

    def visit_Compare(self, node: ast.Compare) -> ast.AST:
        self.generic_visit(node)
        return ast.List([node.left, *node.comparators], ast.Load())


@settings(max_examples=400, deadline=None)
@given(text=_PARSABLE.filter(lambda text: " for " not in text), given=_schemas_and_records())
def test_a_refused_expression_fails_on_every_record_that_reaches_its_fault(text: str, given: Any) -> None:
    schema, records = given
    if problem_of(text, "name", Columns.of(schema), EVALUATOR) is None:
        return
    eager = ast.unparse(ast.fix_missing_locations(_Eager().visit(ast.parse(text))))
    assert all(_outcome(eager, record, schema) is not None for record in records)


def _words(text: str, record: dict[str, Any], schema: dict[str, Any]) -> str:
    """What is told of a failure; nothing if there is none."""
    expressions = Expressions("companies", "companies", frozenset(schema["properties"]))
    try:
        expressions.value(lambda known: MAP._eval(text, ast.parse(text).body[0], known, "name"), record, text, "name")  # type: ignore[arg-type]
    except ExpressionError as err:
        return str(err)
    return ""


@settings(max_examples=300, deadline=None)
@given(text=_PARSABLE, given=_schemas_and_records())
def test_no_failure_quotes_the_record(text: str, given: Any) -> None:
    schema, _ = given
    mark = "SECRET-7Z"
    assert mark not in _words(text, dict.fromkeys((*_COLUMNS, *_STRANGERS), mark), schema)


def test_nothing_is_logged_by_the_check(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    problem("name.upper()")
    assert not caplog.records


def test_values_are_json_at_any_depth() -> None:
    expressions = Expressions("companies", "companies", frozenset({"name"}))

    def value(text: str) -> Any:
        parsed = ast.parse(text).body[0]
        return expressions.value(lambda known: MAP._eval(text, parsed, known, "name"), {"name": "x"}, text, "name")  # type: ignore[arg-type]

    assert value("(name, (1,), {'a': (None, name)})") == ["x", [1], {"a": [None, "x"]}]
    assert value("{'a': {name}}") == {"a": ["x"]}
