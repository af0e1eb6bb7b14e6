"""What a tap sends becomes what a field holds, or is refused with a reason that shows no value."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from typing import TYPE_CHECKING

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from planhat_api.values.invalid import InvalidValueError
from target_planhat.rows import values
from target_planhat.rows.values import (
    BOOLEAN,
    DATE_TIME,
    EPOCH_DAY,
    ID_TEXT,
    NUMBER,
    OBJECT,
    PLANHAT_ID,
    REFERENCE,
    TEXT,
    array_of,
)

if TYPE_CHECKING:
    from planhat_api.values.field_type import FieldType

HEX = "64c1f0aa9b2d3e4f5a6b7c8d"


@pytest.mark.parametrize(
    ("kind", "given_value", "wanted"),
    [
        (ID_TEXT, 77, "77"),
        (ID_TEXT, 77.0, "77"),
        (ID_TEXT, Decimal("77.0"), "77"),
        (ID_TEXT, " a ", "a"),
        (ID_TEXT, "", None),
        (TEXT, 12.5, "12.5"),
        (TEXT, "", ""),
        (NUMBER, "12.50", Decimal("12.50")),
        (NUMBER, "12", 12),
        (NUMBER, " ", None),
        (BOOLEAN, "t", True),
        (BOOLEAN, 0, False),
        (BOOLEAN, "No", False),
        (DATE_TIME, "2024-05-14", "2024-05-14T00:00:00.000Z"),
        (DATE_TIME, "2024-05-14 09:30:00.123456+02:00", "2024-05-14T07:30:00.123Z"),
        (DATE_TIME, "2024-05-14T09:30:00+0000", "2024-05-14T09:30:00.000Z"),
        (DATE_TIME, "2024-05-14T09:30:00.5Z", "2024-05-14T09:30:00.500Z"),
        (DATE_TIME, 1_715_679_000_000, "2024-05-14T09:30:00.000Z"),
        (DATE_TIME, datetime(2024, 5, 14, tzinfo=timezone(timedelta(hours=2))), "2024-05-13T22:00:00.000Z"),
        (EPOCH_DAY, "2024-05-14", 19857),
        (EPOCH_DAY, "2024-05-14T23:00:00+02:00", 19857),
        (EPOCH_DAY, 19857.0, 19857),
        (EPOCH_DAY, "19857", 19857),
        (EPOCH_DAY, date(2024, 5, 14), 19857),
        (EPOCH_DAY, 1_715_679_000_000, 19857),
        (REFERENCE, {"_id": HEX, "nickName": "Kim"}, HEX),
        (REFERENCE, {"id": HEX}, HEX),
        (OBJECT, '{"a": 1}', {"a": 1}),
        (array_of(TEXT), '["a", "b"]', ["a", "b"]),
        (array_of(TEXT), "acme.example", ["acme.example"]),
        (array_of(TEXT), ["a", None, 7], ["a", "7"]),
        (array_of(TEXT), 7, ["7"]),
        (values.COMPANY, "extid-77", "extid-77"),
        (values.wrapped("_id"), [HEX, {"_id": HEX}], [{"_id": HEX}, {"_id": HEX}]),
    ],
)
def test_value_becomes_what_the_field_holds(kind: FieldType, given_value: object, wanted: object) -> None:
    assert kind.convert(given_value) == wanted


@pytest.mark.parametrize(
    ("kind", "given_value"),
    [
        (TEXT, True),
        (TEXT, {"a": "secret"}),
        (ID_TEXT, ["secret"]),
        (PLANHAT_ID, "secret"),
        (values.COMPANY, "secret"),
        (NUMBER, "secret"),
        (NUMBER, True),
        (NUMBER, float("nan")),
        (BOOLEAN, "secret"),
        (DATE_TIME, "secret"),
        (DATE_TIME, "2024-02-30"),
        (DATE_TIME, 1715679),
        (DATE_TIME, 1e300),
        (EPOCH_DAY, 1.5),
        (EPOCH_DAY, "secret"),
        (EPOCH_DAY, True),
        (OBJECT, "secret"),
        (OBJECT, ["secret"]),
        (array_of(values.ANYTHING), 7),
        (array_of(TEXT), True),
        (array_of(TEXT), "[secret"),
    ],
)
def test_unfit_value_is_refused_without_showing_it(kind: FieldType, given_value: object) -> None:
    with pytest.raises(InvalidValueError) as caught:
        kind.convert(given_value)
    assert "secret" not in str(caught.value)


KINDS = [TEXT, ID_TEXT, PLANHAT_ID, REFERENCE, values.COMPANY, NUMBER, BOOLEAN, DATE_TIME, EPOCH_DAY, array_of(TEXT)]
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
    | st.sampled_from([HEX, "extid-7", "2024-05-14T09:30:00.000Z", "2024-02-29T09:30:00.000Z", "19857", " x", ""])
    | st.datetimes().map(datetime.isoformat),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=4,
)


@given(JSON, st.sampled_from(KINDS))
def test_what_passes_unchanged_is_what_convert_hands_back(value: object, kind: FieldType) -> None:
    """The fast path sends what fits `passes` as it is; `convert` must agree."""
    try:
        msgspec.json.decode(msgspec.json.encode(value), type=kind.passes)
    except msgspec.ValidationError:
        return
    assert kind.convert(value) == value


FIRST, LAST = (datetime.fromisoformat(text) for text in ("0001-01-02", "9999-12-30"))


@given(st.datetimes(FIRST, LAST), st.sampled_from(["", "Z", "+05:30"]))
def test_dates_keep_their_moment(moment: datetime, zone: str) -> None:
    text = moment.isoformat(timespec="microseconds") + zone
    back = datetime.fromisoformat(DATE_TIME.convert(text).replace("Z", "+00:00"))
    wanted = datetime.fromisoformat(text.replace("Z", "+00:00"))
    wanted = wanted if wanted.tzinfo else wanted.replace(tzinfo=timezone.utc)
    assert timedelta(0) <= wanted - back < timedelta(milliseconds=1)


@given(st.integers(-500_000, 2_000_000))
def test_epoch_days_are_days(day: int) -> None:
    assert EPOCH_DAY.convert((date(1970, 1, 1) + timedelta(days=day)).isoformat()) == day


@pytest.mark.parametrize(
    ("custom_type", "kind"),
    [
        ("day", EPOCH_DAY),
        ("Date", DATE_TIME),
        ("checkbox", BOOLEAN),
        ("rich text", TEXT),
        ("new kind", values.ANYTHING),
    ],
)
def test_custom_types(custom_type: str, kind: FieldType) -> None:
    assert values.type_of_custom_field(custom_type) is kind
