"""Makes the error that a caller gets for a call that finally failed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from planhat_api.errors import (
    AccessError,
    AnswerTooLargeError,
    CredentialsError,
    NotFoundError,
    PayloadError,
    PlanhatError,
    RateLimitError,
    UnavailableError,
    UnknownHostError,
)
from planhat_api.http.retry import CallFault, Fault
from planhat_api.settings.hosts import region_of

if TYPE_CHECKING:
    from planhat_api.http.call import Call

__all__ = ["call_error"]


def call_error(call: Call[Any], fault: CallFault) -> PlanhatError:
    """The error of a call that is not repeated any more."""
    said = f": {fault.detail}" if fault.detail else ""
    where = f"{call.name} on {call.host}"
    if fault.fault is Fault.REFUSED:
        return _refused(call, fault, where, said)
    if fault.fault is Fault.NO_HOST:
        return UnknownHostError(f"{where}: there is no such host. {_right_host(call)}")
    if fault.fault is Fault.BUSY:
        message = (
            f"{where}: Planhat keeps answering that the quota is used up (429). Lower calls_per_minute, or "
            f"run when other clients of the tenant are quiet{said}"
        )
        return RateLimitError(message, status=fault.status, detail=fault.detail)
    kind = AnswerTooLargeError if fault.fault is Fault.OVERSIZE else UnavailableError
    if fault.fault is Fault.OVERSIZE and "limit" in call.params:
        said += f", with offset {call.params['offset']} and limit {call.params['limit']}"
    unsure = fault.fault.may_have_arrived and not fault.safe
    warning = ". Planhat may have received the rows, so sending them again may duplicate them" if unsure else ""
    status = f" ({fault.status})" if fault.status else ""
    hint = _HINTS.get(fault.fault, "").format(url=_URLS[call.counted])
    message = f"{where}: {fault.fault.value}{status}{said}{warning}{hint}"
    return kind(
        message,
        status=fault.status,
        detail=fault.detail,
        may_have_arrived=unsure,
        reached_planhat=fault.fault.may_have_arrived,
    )


def _refused(call: Call[Any], fault: CallFault, where: str, said: str) -> PlanhatError:
    status = fault.status or 0
    kind, hint = _REFUSALS.get(status, (PayloadError, "Planhat refuses this ({status})"))
    if kind is CredentialsError and not call.counted:
        hint = _ANALYTICS_CREDENTIALS
    if kind is NotFoundError and not call.counted:
        hint = "not found ({status}): {host} does not know this tenant or call. Check tenant_token, then analytics_url"
    if status // 100 == 3:  # noqa: PLR2004 - the redirects
        hint = "the host sends the call elsewhere ({status}). Check base_url, analytics_url and region"
    message = f"{where}: {hint.format(status=fault.status, host=call.host)}{said}"
    return kind(message, status=fault.status, detail=fault.detail)


def _right_host(call: Call[Any]) -> str:
    region = region_of(call.host)
    if region:
        return f"Check region, {region!r}: it is the part after app- in the address of your Planhat app, e.g. us2"
    return f"Check {_URLS[call.counted]}, and the network"


_URLS = {True: "region or base_url", False: "analytics_url"}
"""The settings that name the host of a call: True for the main API, whose calls count in the quota."""
_HINTS = {
    Fault.NOT_SENT: ". Check the network, and {url}",
    Fault.GARBLED: ". Check that {url} names Planhat's API and that no proxy answers in its place",
    Fault.NESTED: ". No loader could read it either; deselect the field that holds it, or the stream",
    Fault.OVERSIZE: ". Request fewer fields or fewer rows at once",
}

_ANALYTICS_CREDENTIALS = (
    "{host} does not accept the call (401). Check analytics_url, api_token and tenant_token, or try another "
    "analytics_auth_method"
)

_REFUSALS: dict[int, tuple[type[PlanhatError], str]] = {
    401: (
        CredentialsError,
        # B3: a valid token on the wrong host gets the same answer as an invalid one.
        (
            "the token is not accepted on {host} (401). Check it; if the address of your Planhat app begins with "
            "app- and a region, e.g. app-us2.planhat.com, set region to us2"
        ),
    ),
    403: (AccessError, "the token may not do this (403). Its permissions are those of the private app it belongs to"),
    404: (NotFoundError, "not found (404): no such record, or the tenant does not have this model"),
    413: (PayloadError, "the body is too large (413)"),
}
