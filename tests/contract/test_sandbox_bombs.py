"""Answers of monstrous size or depth on demand."""

from __future__ import annotations

import json
import zlib
from typing import TYPE_CHECKING, Any

import pytest

from tests.contract.sandbox_calls import Api, serving

if TYPE_CHECKING:
    from collections.abc import Iterator

MEGABYTE = 1024 * 1024


@pytest.fixture
def api() -> Iterator[Api]:
    with serving(companies=20) as found:
        yield found


def packed(api: Api, method: str, path: str, body: Any = None) -> tuple[bytes, bytes]:
    """The body as it travels, and unpacked."""
    headers = {"Accept-Encoding": "identity"}
    url = f"{api.box.url}/{path}"
    answer = api.session.request(method, url, json=body, headers=headers, stream=True, timeout=20)
    assert (answer.status_code, answer.headers["Content-Encoding"]) == (200, "gzip")
    raw = answer.raw.read(decode_content=False)
    assert len(raw) == int(answer.headers["Content-Length"])
    return raw, zlib.decompress(raw, wbits=zlib.MAX_WBITS + 16)


@pytest.mark.parametrize("compression", ["plain", "gzip"])
def test_a_small_body_unfolds_to_megabytes(api: Api, compression: str) -> None:
    api.box.set_switch("compression", compression)
    wanted = api.get("companies", limit=3)
    api.box.set_faults([{"kind": "bomb", "megabytes": 20}])
    raw, whole = packed(api, "GET", "companies?limit=3")
    assert len(raw) < MEGABYTE < 20 * MEGABYTE < len(whole)
    assert json.loads(whole) == wanted


def test_the_size_may_follow_the_rows(api: Api) -> None:
    api.box.set_faults([{"kind": "bomb", "megabytes": 2, "per_row": True}])
    sizes = [len(packed(api, "GET", f"companies?limit={limit}")[1]) // MEGABYTE for limit in (1, 4)]
    assert sizes == [2, 8]
    assert api.call("GET", "companies", offset=1000).content == b"[]"


def test_the_call_is_processed(api: Api) -> None:
    api.box.set_faults([{"kind": "bomb", "megabytes": 1}])
    _, whole = packed(api, "PUT", "companies", [{"name": "x", "externalId": "loud"}])
    assert json.loads(whole)["created"] == 1
    assert api.box.rows("companies")[-1]["externalId"] == "loud"


@pytest.mark.parametrize("path", ["companies?limit=2", "companies?offset=1000", "myprofile"])
def test_an_answer_nests_deeply(api: Api, path: str) -> None:
    plain = api.get(path)
    api.box.set_faults([{"kind": "bomb", "depth": 100_000}])
    body = api.call("GET", path).content
    assert body.count(b'{"a":') == 100_000
    api.box.set_faults([{"kind": "bomb", "depth": 5}])
    shallow = api.get(path)
    row = shallow[0] if isinstance(shallow, list) else shallow
    assert row.pop("nested") == {"a": {"a": {"a": {"a": {"a": 1}}}}}
    assert shallow == (plain or [{}])


def test_size_and_depth_go_together(api: Api) -> None:
    api.box.set_faults([{"kind": "bomb", "megabytes": 1, "depth": 9}])
    _, whole = packed(api, "PUT", "companies", [])
    assert len(whole) > MEGABYTE
    assert whole.count(b'{"a":') == 9


def test_a_text_stays_a_text(api: Api) -> None:
    api.box.set_faults([{"kind": "bomb", "depth": 9}])
    api.box.set_switch("answers", "text")
    assert api.post("companies", {"name": "x"}).text == "Company saved"
