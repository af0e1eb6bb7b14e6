"""The peer on Airbyte's declarative CDK: a manifest of the two streams, and the files a read takes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import datetime as dt

_SCHEMAS = Path(__file__).parent / "peers" / "schemas"
_DAY_WINDOW = 7
_SECONDS_A_DAY = 86_400


def _stream(name: str, path: str, page: int, parameters: dict[str, str], **more: Any) -> dict[str, Any]:  # noqa: ANN401
    option = {"type": "RequestOption", "inject_into": "request_parameter"}
    return {
        "type": "DeclarativeStream",
        "name": name,
        "primary_key": ["_id"],
        "retriever": {
            "type": "SimpleRetriever",
            "requester": {
                "type": "HttpRequester",
                "url_base": "{{ config['base_url'] }}",
                "path": path,
                "http_method": "GET",
                "request_parameters": parameters,
                "authenticator": {"type": "BearerAuthenticator", "api_token": "{{ config['api_token'] }}"},
            },
            "record_selector": {
                "type": "RecordSelector",
                "extractor": {"type": "DpathExtractor", "field_path": []},
            },
            "paginator": {
                "type": "DefaultPaginator",
                "page_size_option": {**option, "field_name": "limit"},
                "page_token_option": {**option, "field_name": "offset"},
                "pagination_strategy": {"type": "OffsetIncrement", "page_size": page, "inject_on_first_request": True},
            },
        },
        "schema_loader": {
            "type": "InlineSchemaLoader",
            "schema": json.loads((_SCHEMAS / f"{path.strip('/')}.json").read_text("utf-8")),
        },
        **more,
    }


def _manifest() -> dict[str, Any]:
    def day_of(edge: str) -> str:
        return f"{{{{ (timestamp(stream_interval['{edge}']) // {_SECONDS_A_DAY}) | int }}}}"

    by_day = {
        "type": "DatetimeBasedCursor",
        "cursor_field": "time",
        "cursor_datetime_formats": ["%Y-%m-%dT%H:%M:%S.%fZ"],
        "datetime_format": "%Y-%m-%dT%H:%M:%S.%fZ",
        "start_datetime": {
            "type": "MinMaxDatetime",
            "datetime": "{{ config['start'] }}",
            "datetime_format": "%Y-%m-%d",
        },
        "end_datetime": {"type": "MinMaxDatetime", "datetime": "{{ config['end'] }}", "datetime_format": "%Y-%m-%d"},
        "step": f"P{_DAY_WINDOW}D",
        "cursor_granularity": "P1D",
    }
    points = _stream(
        "dimension_data",
        "/dimensiondata",
        10_000,
        {"from": day_of("start_time"), "to": day_of("end_time")},
        incremental_sync=by_day,
    )
    return {
        "version": "7.0.0",
        "type": "DeclarativeSource",
        "check": {"type": "CheckStream", "stream_names": ["endusers"]},
        "streams": [_stream("endusers", "/endusers", 2000, {"sort": "_id"}), points],
        "spec": {
            "type": "Spec",
            "connection_specification": {"type": "object", "properties": {"api_token": {"airbyte_secret": True}}},
        },
    }


def write(folder: Path, base_url: str, stream: str, first: dt.date, last: dt.date) -> list[str]:
    """Write what a read of one stream takes; the arguments of ``source-declarative-manifest``."""
    incremental = stream == "dimension_data"
    catalog = {
        "streams": [
            {
                "stream": {
                    "name": stream,
                    "json_schema": {},
                    "supported_sync_modes": ["full_refresh", "incremental"],
                },
                "sync_mode": "incremental" if incremental else "full_refresh",
                "destination_sync_mode": "append",
            }
        ]
    }
    config = {
        "base_url": base_url,
        "api_token": "benchmark",
        "start": first.isoformat(),
        "end": last.isoformat(),
    }
    arguments = ["read"]
    for name, content in {"config": config, "catalog": catalog, "manifest-path": _manifest()}.items():
        path = folder / f"airbyte-{name}.json"
        path.write_text(json.dumps(content), "utf-8")
        arguments += [f"--{name}", str(path)]
    return arguments
