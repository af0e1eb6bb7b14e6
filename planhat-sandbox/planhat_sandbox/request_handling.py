"""Answers a request, with quota and faults."""

from __future__ import annotations

import traceback
from dataclasses import replace
from http import HTTPStatus
from typing import TYPE_CHECKING

import msgspec

from planhat_sandbox.bombs import load
from planhat_sandbox.messages import ApiError, Request, Response, text_response
from planhat_sandbox.parallel_calls import ParallelCalls
from planhat_sandbox.quota import Quota, QuotaExceededError
from planhat_sandbox.routes import ANALYTICS_PREFIX, Router

if TYPE_CHECKING:
    from collections.abc import Sequence
    from threading import Event

    from planhat_sandbox.faults import Fault
    from planhat_sandbox.tenant import Tenant

__all__ = ["DroppedError", "RequestHandler"]

_HTML = "<!DOCTYPE html><html><head><title>Planhat</title></head><body><h1>We will be right back</h1></body></html>"


class DroppedError(Exception):
    """The connection has to be closed without an answer."""


class RequestHandler:
    """Answers the requests of one tenant. Thread-safe."""

    def __init__(self, tenant: Tenant, stopping: Event) -> None:
        """Take the tenant, and the event that ends every wait."""
        self._tenant = tenant
        self._stopping = stopping
        self._router = Router(tenant)
        self._quota = Quota(tenant.switches)
        self._parallel = ParallelCalls(tenant.switches)

    def answer(self, request: Request, faults: Sequence[Fault]) -> Response:
        """The answer to one call.

        Raises:
            DroppedError: A fault says that there is no answer.
        """
        if request.path.split("/")[0] == ANALYTICS_PREFIX:
            return self._with_faults(request, faults)
        try:
            with self._quota.call(), self._parallel.entered(request) as entered:
                response = self._with_faults(entered, faults)
        except QuotaExceededError as over:
            response = self._router.refused(over)
            response.headers |= self._quota.headers(over.wait)
            return response
        response.headers |= self._quota.headers()
        return response

    def _with_faults(self, request: Request, faults: Sequence[Fault]) -> Response:
        for fault in faults:
            response = self._instead(request, fault)
            if response is not None:
                return response
        response = self._routed(_first_rows(request, faults))
        for fault in faults:
            if fault.kind == "drop":
                raise DroppedError
            if fault.kind == "status":
                return _failure(fault)
            if fault.kind == "bomb":
                load(response, fault)
        return response

    def _instead(self, request: Request, fault: Fault) -> Response | None:
        """The answer that a fault gives before the call is processed; None if the call has to be processed."""
        if fault.kind == "latency":
            self._stopping.wait(fault.seconds)
        elif fault.kind == "drop" and fault.comes_first:
            raise DroppedError
        elif fault.kind == "status" and fault.comes_first:
            return _failure(fault)
        elif fault.kind == "wrong_region":
            return self._router.refused(ApiError(HTTPStatus.UNAUTHORIZED, "Unauthorized"))
        elif fault.kind == "html":
            return text_response(_HTML)
        elif fault.kind == "poison":
            return self._poisoned(request, fault)
        return None

    def _poisoned(self, request: Request, fault: Fault) -> Response | None:
        try:
            rows = msgspec.json.decode(request.body)
        except msgspec.DecodeError:
            return None
        good = [row for row in rows if not fault.poisons(row)] if isinstance(rows, list) else rows
        if good == rows:
            return None
        if fault.processed:
            self._routed(replace(request, body=msgspec.json.encode(good)))
        return text_response("Internal Server Error", 500)

    def _routed(self, request: Request) -> Response:
        try:
            return self._router.answer(request)
        except ApiError as error:
            return self._router.refused(error)
        except Exception as error:  # noqa: BLE001 - show every error of the sandbox to its user
            traceback.print_exc()
            return text_response(f"The sandbox failed: {error!r}", 500)


def _first_rows(request: Request, faults: Sequence[Fault]) -> Request:
    """The request with only the rows that the faults let through."""
    numbers = [fault.processed_rows for fault in faults if fault.processed_rows is not None]
    try:
        rows = msgspec.json.decode(request.body) if numbers else None
    except msgspec.DecodeError:
        return request
    if not isinstance(rows, list):
        return request
    return replace(request, body=msgspec.json.encode(rows[: min(numbers)]))


def _failure(fault: Fault) -> Response:
    response = text_response(HTTPStatus(fault.status).phrase, fault.status)
    if fault.retry_after is not None:
        response.headers["Retry-After"] = fault.retry_after
    return response
