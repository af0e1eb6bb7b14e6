"""Raw HTTP against a sandbox: no client of ours stands between the test and the judge."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import requests

from planhat_sandbox import Sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator


class Api:
    """One session with the API token."""

    def __init__(self, box: Sandbox) -> None:
        self.box = box
        self.session = requests.Session()
        self.session.headers["Authorization"] = f"Bearer {box.api_token}"

    def call(self, method: str, path: str, body: Any = None, **params: Any) -> requests.Response:
        return self.session.request(method, f"{self.box.url}/{path}", params=params, json=body, timeout=20)

    def get(self, path: str, **params: Any) -> Any:
        response = self.call("GET", path, **params)
        assert response.status_code == 200, response.text
        return response.json()

    def put(self, path: str, body: Any) -> requests.Response:
        return self.call("PUT", path, body)

    def post(self, path: str, body: Any) -> requests.Response:
        return self.call("POST", path, body)

    def push(self, path: str, body: Any) -> requests.Response:
        return self.post(f"analytics-host/{path}", body)

    def bulk(self, path: str, rows: list[Any], status: int = 200) -> dict[str, Any]:
        response = self.put(path, rows)
        assert response.status_code == status, response.text
        answer: dict[str, Any] = response.json()
        return answer


@contextmanager
def serving(**options: Any) -> Iterator[Api]:
    switches = {"calls_per_minute": 0, "calls_per_second": 0, **options.pop("switches", {})}
    with Sandbox(**{"companies": 20, "seed": 3, "days": 5, **options, "switches": switches}) as box:
        api = Api(box)
        try:
            yield api
        finally:
            api.session.close()
