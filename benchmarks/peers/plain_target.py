"""A target on the SDK as its template lays one out, with nothing changed for speed."""

from __future__ import annotations

from typing import Any

import requests
import simplejson
from singer_sdk import Target
from singer_sdk import typing as th
from singer_sdk.sinks import BatchSink


class PlainSink(BatchSink):
    """Sends each batch in one call."""

    max_size = 5000

    def start_batch(self, context: dict[str, Any]) -> None:
        """A batch is a list of records."""
        context["rows"] = []

    def process_record(self, record: dict[str, Any], context: dict[str, Any]) -> None:
        """Put one record into the batch."""
        context["rows"].append({name: value for name, value in record.items() if not name.startswith("_sdc_")})

    def process_batch(self, context: dict[str, Any]) -> None:
        """Send the batch."""
        metrics = self.stream_name == "metrics"
        path = f"analytics-host/dimensiondata/{self.config['tenant_token']}" if metrics else self.stream_name
        answer = self.session.request(
            "POST" if metrics else "PUT",
            f"{self.config['base_url']}/{path}",
            data=simplejson.dumps(context["rows"], use_decimal=True, default=lambda value: value.isoformat()),
            headers={"Authorization": f"Bearer {self.config['api_token']}", "Content-Type": "application/json"},
            timeout=60,
        )
        answer.raise_for_status()
        if any(value for name, value in answer.json().items() if name.lower().endswith("errors")):
            message = "Planhat refused rows"
            raise RuntimeError(message)

    @property
    def session(self) -> requests.Session:
        """One session for all batches."""
        if not hasattr(self, "_session"):
            self._session = requests.Session()
        return self._session


class PlainTarget(Target):
    """A target for Planhat's bulk upsert and metrics."""

    name = "plain-target"
    default_sink_class = PlainSink
    config_jsonschema = th.PropertiesList(
        th.Property("api_token", th.StringType, required=True, secret=True),
        th.Property("tenant_token", th.StringType, secret=True),
        th.Property("base_url", th.StringType, required=True),
    ).to_dict()


if __name__ == "__main__":
    PlainTarget.cli()
