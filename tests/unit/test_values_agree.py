"""What a value means is one fact: tap and target read the same, but where the tap is meant to be lenient.

A tap hands on what Planhat answered. It refuses nothing: what it cannot read becomes null, and the original is kept.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from planhat_api.values.invalid import InvalidValueError
from planhat_api.values.texts import key_text
from tap_planhat.records.values import to_boolean, to_epoch_day, to_moment, to_number, to_text
from target_planhat.rows.values import BOOLEAN, DATE_TIME, EPOCH_DAY, ID_TEXT, NUMBER, REFERENCE

if TYPE_CHECKING:
    from collections.abc import Callable

    from planhat_api.values.field_type import FieldType

HEX = "64c1f0aa9b2d3e4f5a6b7c8d"


@dataclass(frozen=True, repr=False)
class Both:
    """The two conversions of what fields of one kind hold."""

    tap: Callable[[Any], Any]
    target: FieldType

    def __repr__(self) -> str:
        return f"{self.target.name} "

    def by_target(self, value: object) -> Any:
        try:
            return self.target.convert(value)
        except InvalidValueError:
            return None


DAY = Both(to_epoch_day, EPOCH_DAY)
MOMENT = Both(to_moment, DATE_TIME)
NUMBERS = Both(to_number, NUMBER)
TRUTH = Both(to_boolean, BOOLEAN)
ID = Both(to_text, ID_TEXT)
REFERRED = Both(to_text, REFERENCE)

SAME = [
    # A date with a zone is the day that it shows: see planhat_api.values.dates.
    (DAY, "2024-05-14T23:30:00-02:00", 19857),
    (DAY, "2024-05-14T00:00:00+02:00", 19857),
    (DAY, "2024-05-14", 19857),
    (DAY, "20240514", 19857),
    (DAY, "2024-05-14T09", 19857),
    (DAY, "2024-05-14T09:30:00.000Z", 19857),
    (DAY, 1_715_679_000_000, 19857),
    (DAY, "1715679000000", 19857),
    (DAY, -86_400_000_001, None),
    (DAY, 19857, 19857),
    (DAY, 19857.0, 19857),
    (DAY, " 19857 ", 19857),
    (DAY, 1_715_679_000, None),
    (DAY, 20_240_514, None),
    (DAY, "1970", 1970),
    (DAY, "", None),
    (DAY, "undefined", None),
    (DAY, True, None),
    (MOMENT, "2024-05-14T09", "2024-05-14T09:00:00.000Z"),
    (MOMENT, "20240514T093000Z", "2024-05-14T09:30:00.000Z"),
    (MOMENT, "2024-05-14 09:30:00 UTC", "2024-05-14T09:30:00.000Z"),
    (MOMENT, "2024-05-14 09:30:00.123456 +02", "2024-05-14T07:30:00.123Z"),
    (MOMENT, "2024-05-14T09:30:00,5Z", "2024-05-14T09:30:00.500Z"),
    (MOMENT, "2024-05-14T09:30:00+0275", None),
    (MOMENT, 1_715_679_000_000, "2024-05-14T09:30:00.000Z"),
    (MOMENT, 1_715_679_000_000.7, "2024-05-14T09:30:00.000Z"),
    (MOMENT, Decimal(1_715_679_000_000), "2024-05-14T09:30:00.000Z"),
    (MOMENT, "1715679000000", "2024-05-14T09:30:00.000Z"),
    (MOMENT, " 1715679000000 ", "2024-05-14T09:30:00.000Z"),
    (MOMENT, "1715679000", None),
    (MOMENT, "12", None),
    (MOMENT, 1_715_679_000_000_000_000, None),
    (MOMENT, "2024-02-30", None),
    (MOMENT, "0001-01-01T00:00:00+02:00", None),
    (NUMBERS, "12.50", 12.5),
    (NUMBERS, ".5", 0.5),
    (NUMBERS, "5.", 5),
    (NUMBERS, "+5", 5),
    (NUMBERS, "1e3", 1000),
    (NUMBERS, "1_000", None),
    (NUMBERS, "1,000", None),
    (NUMBERS, "٣", None),
    (NUMBERS, "NaN", None),
    (NUMBERS, "1e99999999999999999999", None),
    (NUMBERS, "9" * 5000, None),
    (NUMBERS, " ", None),
    (NUMBERS, True, None),
    (TRUTH, "yes", True),
    (TRUTH, "No", False),
    (TRUTH, "Y", True),
    (TRUTH, "n", False),
    (TRUTH, " t ", True),
    (TRUTH, "F", False),
    (TRUTH, 1.0, True),
    (TRUTH, Decimal(0), False),
    (TRUTH, "1.0", None),
    (TRUTH, "on", None),
    (TRUTH, 2, None),
    (TRUTH, "", None),
    (ID, 77.0, "77"),
    (ID, 77, "77"),
    (ID, Decimal("77.00"), "77"),
    (ID, -0.0, "0"),
    (ID, 1e16, "10000000000000000"),
    (ID, 7.5, "7.5"),
    (ID, 10**400, "1" + "0" * 400),
    (ID, ["a"], None),
    (REFERRED, {"_id": HEX, "nickName": "Kim"}, HEX),
    (REFERRED, {"_id": None, "id": 7.0}, "7"),
    (REFERRED, {"_id": "", "id": HEX}, HEX),
    (REFERRED, {"code": "EUR"}, "EUR"),
    (REFERRED, {"_id": {"$oid": HEX}}, None),
    (REFERRED, {"name": "Kim"}, None),
]


def shown(value: object) -> str:
    return repr(value)[:40]


@pytest.mark.parametrize(("both", "value", "wanted"), SAME, ids=shown)
def test_both_read_a_value_as_the_same(both: Both, value: object, wanted: object) -> None:
    assert both.tap(value) == wanted
    assert both.by_target(value) == wanted


@pytest.mark.parametrize(
    ("both", "value", "by_tap", "by_target"),
    [
        # Planhat answers with milliseconds (B42), in a warehouse a small number may be anything.
        (MOMENT, 0, "1970-01-01T00:00:00.000Z", None),
        # What is RFC 3339 already is handed on as it came.
        (MOMENT, "2024-05-14T09:30:00+02:00", "2024-05-14T09:30:00+02:00", "2024-05-14T07:30:00.000Z"),
        # What Planhat calls integers is not always whole in its answers (B44).
        (DAY, 19857.5, 19857.5, None),
        (ID, True, "true", None),
        (ID, " 77 ", " 77 ", "77"),
        (ID, "", "", None),
        # No loader can hold it as a number. The target sends all its digits.
        (NUMBERS, 10**400, None, 10**400),
    ],
    ids=shown,
)
def test_where_a_tap_is_lenient(both: Both, value: object, by_tap: object, by_target: object) -> None:
    assert both.tap(value) == by_tap
    assert both.by_target(value) == by_target


def test_an_object_that_is_no_reference_is_refused_and_never_taken_for_null() -> None:
    with pytest.raises(InvalidValueError, match="an object without an id"):
        REFERENCE.convert({"name": "Kim"})
    assert REFERENCE.convert({"_id": None}) is None


ZONES = r"( ?(Z|UTC|[+-]\d\d(:?\d\d)?))?"
DATES = st.from_regex(rf"\A\d{{4}}-?\d\d-?\d\d([Tt ]\d\d(:?\d\d(:?\d\d([.,]\d{{1,7}})?)?)?{ZONES})?\Z")
NUMBER_TEXTS = st.from_regex(r"\A[+-]?\d{0,14}\.?\d{0,4}([eE][+-]?\d{1,3})?\Z")
WORDS = st.sampled_from(["true", "T", "yes", "NO", "on", "null", "undefined", "nan", "1_0", "Infinity", "0x1"])
VALUES = (
    st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.decimals(allow_nan=False, allow_infinity=False, places=3)
    | st.integers(-3_000_000, 3_000_000)
    | st.integers(-(10**13), 10**13)
    | st.text(max_size=12)
    | st.text("0123456789-+.:TZeE_ ", max_size=20)
    | DATES
    | NUMBER_TEXTS
    | WORDS
    | st.booleans()
)


@given(VALUES)
def test_days(value: object) -> None:
    by_tap = to_epoch_day(value)
    if by_tap is not None and by_tap != int(by_tap):
        assert DAY.by_target(value) is None
    else:
        assert by_tap == DAY.by_target(value)


@given(VALUES)
def test_moments(value: object) -> None:
    by_tap, by_target = to_moment(value), MOMENT.by_target(value)
    if isinstance(value, str) or by_target is not None:
        assert (None if by_tap is None else DATE_TIME.convert(by_tap)) == by_target
    elif by_tap is not None:
        assert by_tap == DATE_TIME.convert(by_tap)
        assert isinstance(value, (int, float, Decimal))
        assert -(10**11) < value < 10**11


@given(VALUES)
@example("1e308")
def test_numbers(value: object) -> None:
    by_tap, by_target = to_number(value), NUMBERS.by_target(value)
    assert by_tap == (float(by_target) if isinstance(by_target, Decimal) and isinstance(value, str) else by_target)


@given(VALUES)
def test_booleans(value: object) -> None:
    assert to_boolean(value) is TRUTH.by_target(value)


@given(VALUES)
def test_ids(value: object) -> None:
    if not isinstance(value, (bool, str)):
        assert to_text(value) == ID.by_target(value) == key_text(value)
