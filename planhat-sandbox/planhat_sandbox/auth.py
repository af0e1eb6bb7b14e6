"""Checks the Authorization header of calls (B5, B8)."""

from __future__ import annotations

import base64
import binascii
import hmac
from typing import TYPE_CHECKING

from planhat_sandbox.messages import ApiError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from planhat_sandbox.tenant import Tenant

__all__ = ["check_api_token", "check_metrics", "check_segment"]

_UNAUTHORISED = 401


def check_api_token(tenant: Tenant, headers: Mapping[str, str]) -> None:
    """Accept Bearer with the API token, or Basic with it as user and an empty password.

    Raises:
        ApiError: 401.
    """
    if not _holds_api_token(tenant, headers):
        raise ApiError(_UNAUTHORISED, "Unauthorized")


def check_metrics(tenant: Tenant, headers: Mapping[str, str]) -> None:
    """Accept the API token or Basic with the tenant token, as the switch says; raises like ``check_api_token``."""
    position = tenant.switches["metrics_auth"]
    by_token = position != "basic_tenant" and _holds_api_token(tenant, headers)
    by_tenant = position != "bearer" and _is_basic(headers, tenant.tenant_token)
    if not by_token and not by_tenant:
        raise ApiError(_UNAUTHORISED, "Unauthorized")


def check_segment(tenant: Tenant, headers: Mapping[str, str]) -> None:
    """Accept Basic with the tenant token; raises like ``check_api_token``."""
    if not _is_basic(headers, tenant.tenant_token):
        raise ApiError(_UNAUTHORISED, "Unauthorized")


def _holds_api_token(tenant: Tenant, headers: Mapping[str, str]) -> bool:
    scheme, _, value = headers.get("authorization", "").partition(" ")
    if scheme.casefold() == "bearer":
        return _equal(value.strip(), tenant.api_token)
    return _is_basic(headers, tenant.api_token)


def _is_basic(headers: Mapping[str, str], user: str) -> bool:
    scheme, _, value = headers.get("authorization", "").partition(" ")
    if scheme.casefold() != "basic":
        return False
    try:
        decoded = base64.b64decode(value.strip(), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return False
    return _equal(decoded, f"{user}:")


def _equal(given: str, right: str) -> bool:
    return hmac.compare_digest(given.encode(), right.encode())
