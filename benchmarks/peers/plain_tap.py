"""A tap on the SDK as its template lays one out, with nothing changed for speed."""

from __future__ import annotations

import decimal
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from singer_sdk import Tap
from singer_sdk import typing as th
from singer_sdk.authenticators import BearerTokenAuthenticator
from singer_sdk.helpers.jsonpath import extract_jsonpath
from singer_sdk.pagination import OffsetPaginator
from singer_sdk.streams import RESTStream

if TYPE_CHECKING:
    from collections.abc import Iterable

    import requests
    from singer_sdk.streams.rest import HTTPRequest, PageContext

SCHEMAS = Path(__file__).parent / "schemas"


class PagePaginator(OffsetPaginator):
    """Stops at a page that is not full."""

    def has_more(self, response: requests.Response) -> bool:
        """Whether the page was full."""
        return len(response.json()) == self._page_size


class PlanhatStream(RESTStream):
    """What both streams share."""

    records_jsonpath = "$[*]"
    page_size = 2000
    primary_keys = ("_id",)

    @property
    def url_base(self) -> str:
        """Root of the API."""
        return str(self.config["base_url"])

    @property
    def authenticator(self) -> BearerTokenAuthenticator:
        """The token in a header."""
        return BearerTokenAuthenticator(token=self.config["api_token"])

    def get_new_paginator(self) -> PagePaginator:
        """Offset paging."""
        return PagePaginator(0, self.page_size)

    def get_http_request(self, *, page: PageContext) -> HTTPRequest:
        """One page."""
        request = super().get_http_request(page=page)
        request.params.update(limit=self.page_size, offset=page.next_page_token or 0)
        return request

    def parse_response(self, response: requests.Response) -> Iterable[dict[str, Any]]:
        """The rows of a page."""
        yield from extract_jsonpath(self.records_jsonpath, input=response.json(parse_float=decimal.Decimal))


class Endusers(PlanhatStream):
    """Endusers."""

    name = "endusers"
    path = "/endusers"
    schema = json.loads((SCHEMAS / "endusers.json").read_text("utf-8"))

    def get_http_request(self, *, page: PageContext) -> HTTPRequest:
        """In the order of ids."""
        request = super().get_http_request(page=page)
        request.params["sort"] = "_id"
        return request


class DimensionData(PlanhatStream):
    """Metric points, by the day."""

    name = "dimension_data"
    path = "/dimensiondata"
    page_size = 10_000
    replication_key = "time"
    is_sorted = True
    schema = json.loads((SCHEMAS / "dimensiondata.json").read_text("utf-8"))

    def get_http_request(self, *, page: PageContext) -> HTTPRequest:
        """Of a range of days."""
        request = super().get_http_request(page=page)
        request.params.update({"from": self.config["first_day"], "to": self.config["last_day"]})
        return request


class PlainTap(Tap):
    """A tap for two of Planhat's models."""

    name = "plain-tap"
    config_jsonschema = th.PropertiesList(
        th.Property("api_token", th.StringType, required=True, secret=True),
        th.Property("base_url", th.StringType, required=True),
        th.Property("first_day", th.IntegerType),
        th.Property("last_day", th.IntegerType),
        th.Property("stream", th.StringType, required=True),
    ).to_dict()

    def discover_streams(self) -> list[PlanhatStream]:
        """The one stream that is asked for."""
        return [kind(self) for kind in (Endusers, DimensionData) if kind.name == self.config["stream"]]


if __name__ == "__main__":
    PlainTap.cli()
