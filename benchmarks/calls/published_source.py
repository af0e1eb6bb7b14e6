"""Airbyte's published source for Planhat as a manifest of our own, made from the facts in its ``manifest.yaml``.

The facts (airbytehq/airbyte, airbyte-integrations/connectors/source-planhat, version 4.5.3 of the manifest's
language): 17 streams, each a GET of a list with ``limit`` and ``offset``; an offset that grows by the rows received
until a page is shorter than its limit; no ``sort``, no other parameters, no state; a bearer token.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

PAGE_SIZES = {
    "assets": 2_000,
    "churn": 2_000,
    "companies": 5_000,
    "conversations": 2_000,
    "custom_fields": 2_000,
    "endusers": 2_000,
    "invoices": 2_000,
    "issues": 2_000,
    "licenses": 2_000,
    "nps": 10_000,
    "workflows": 2_000,
    "opportunities": 2_000,
    "objectives": 2_000,
    "sales": 2_000,
    "tasks": 10_000,
    "tickets": 10_000,
    "users": 10_000,
}
"""Rows of a page by stream, in the order of the published source."""

_PATHS = {"custom_fields": "customfields"}


def write(folder: Path, base_url: str, token: str) -> Sequence[str]:
    """Write the files that a read of all streams needs; the arguments of ``source-declarative-manifest``."""
    files = {
        "config": {"base_url": base_url, "api_token": token},
        "catalog": {"streams": [_selected(name) for name in PAGE_SIZES]},
        "manifest-path": _manifest(),
    }
    arguments = ["read"]
    for name, content in files.items():
        path = folder / f"published-{name}.json"
        path.write_text(json.dumps(content), "utf-8")
        arguments += [f"--{name}", str(path)]
    return arguments


def _selected(name: str) -> dict[str, Any]:
    return {
        "stream": {"name": name, "json_schema": {}, "supported_sync_modes": ["full_refresh"]},
        "sync_mode": "full_refresh",
        "destination_sync_mode": "append",
    }


def _manifest() -> dict[str, Any]:
    return {
        "version": "4.5.3",
        "type": "DeclarativeSource",
        "check": {"type": "CheckStream", "stream_names": ["companies"]},
        "streams": [_stream(name, size) for name, size in PAGE_SIZES.items()],
        "spec": {
            "type": "Spec",
            "connection_specification": {"type": "object", "properties": {"api_token": {"airbyte_secret": True}}},
        },
    }


def _stream(name: str, size: int) -> dict[str, Any]:
    parameter = {"type": "RequestOption", "inject_into": "request_parameter"}
    return {
        "type": "DeclarativeStream",
        "name": name,
        "primary_key": ["_id"],
        "retriever": {
            "type": "SimpleRetriever",
            "requester": {
                "type": "HttpRequester",
                "url_base": "{{ config['base_url'] }}",
                "path": f"/{_PATHS.get(name, name)}",
                "http_method": "GET",
                "authenticator": {"type": "BearerAuthenticator", "api_token": "{{ config['api_token'] }}"},
            },
            "record_selector": {
                "type": "RecordSelector",
                "extractor": {"type": "DpathExtractor", "field_path": []},
            },
            "paginator": {
                "type": "DefaultPaginator",
                "page_size_option": {**parameter, "field_name": "limit"},
                "page_token_option": {**parameter, "field_name": "offset"},
                "pagination_strategy": {"type": "OffsetIncrement", "page_size": size},
            },
        },
        "schema_loader": {
            "type": "InlineSchemaLoader",
            "schema": {"type": "object", "properties": {"_id": {"type": "string"}}, "additionalProperties": True},
        },
    }
