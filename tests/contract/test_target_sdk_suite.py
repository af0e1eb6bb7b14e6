"""The SDK's own tests of a target.

Its streams are no models of Planhat, so the settings say where each goes; that way its traps (camel case, nested data,
odd characters, schema changes) run through the whole target into a sandbox.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import pytest
from singer_sdk.testing import TargetTestRunner, get_target_test_class
from singer_sdk.testing.target_tests import (
    TargetDuplicateRecords,
    TargetInvalidSchemaTest,
    TargetRecordMissingKeyProperty,
)

from planhat_sandbox import Sandbox
from target_planhat.errors import RejectsError
from target_planhat.target import TargetPlanhat
from tests.target_support import connection

if TYPE_CHECKING:
    from collections.abc import Iterator


def block(**columns: str | None) -> dict[str, Any]:
    return {"model": "companies", "unknown_columns": "leave_out", "constants": {"name": "Suite"}, "columns": columns}


KEYLESS = {**block(), "insert_without_key": True}
STREAMS = {
    "test_array_data": block(id="externalId", fruits="tags"),
    "TestCamelcase": block(Id="externalId", clientName="description"),
    "ForecastingTypeToCategory": block(Id="externalId"),
    "test_duplicate_records": block(id="externalId", metric="mr"),
    "test_strings": block(id="externalId", info="description"),
    "test_strings_in_objects": block(id="externalId"),
    "test_strings_in_arrays": block(id="externalId", strings="tags"),
    "test_no_pk": {**KEYLESS, "columns": {"metric": "mr"}},
    "test_optional_attributes": block(id="externalId", optional="description"),
    "test_pk_updates": block(id="externalId"),
    "example_stream": block(id="externalId"),
    "record_missing_fields": block(id="externalId", optional="description"),
    "test_record_missing_key_property": block(id="externalId"),
    "test_object_schema_with_properties": KEYLESS,
    "test_object_schema_no_properties": KEYLESS,
    "test_schema_updates": block(id="externalId", a1="mr", a2="description"),
    "test:SpecialChars!in?attributes": {**KEYLESS, "columns": {"_id": None}},
}


@pytest.fixture(scope="module")
def box() -> Iterator[Sandbox]:
    with Sandbox(companies=3, seed=1) as sandbox:
        yield sandbox


SDKTests = get_target_test_class(TargetPlanhat, config={})


class TestTarget(SDKTests):  # type: ignore[misc,valid-type]
    @pytest.fixture
    def runner(self, box: Sandbox) -> TargetTestRunner:
        return TargetTestRunner(target_class=TargetPlanhat, config=connection(box, streams=STREAMS))

    def test_target_record_missing_key_property(self, runner: TargetTestRunner) -> None:
        """In place of the SDK's test, which wants its own exception: here it is one rejected row among others."""
        runner.input_io = io.StringIO(TargetRecordMissingKeyProperty().singer_filepath.read_text())
        with pytest.raises(RejectsError, match="the record lacks its key id"):
            runner.sync_all()

    def test_target_invalid_schema(self, runner: TargetTestRunner) -> None:
        """In place of the SDK's test, which wants an exception for a schema without columns: a record names them."""
        runner.input_io = io.StringIO(TargetInvalidSchemaTest().singer_filepath.read_text())
        runner.sync_all()

    def test_what_the_suite_sent_arrived(self, box: Sandbox, runner: TargetTestRunner) -> None:
        runner.input_io = io.StringIO(TargetDuplicateRecords().singer_filepath.read_text())
        runner.sync_all()
        assert next(row["mr"] for row in box.rows("companies") if row.get("externalId") == "1") == 100
        assert runner.state_messages == [{"test_duplicate_records": 2}]
