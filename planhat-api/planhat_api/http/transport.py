"""Sends one call, with quota, retries and typed errors."""

from __future__ import annotations

import logging
import socket
import threading
import time
from http.cookiejar import DefaultCookiePolicy
from typing import TYPE_CHECKING, Any, TypeVar

import backoff
import requests
import urllib3
from requests.adapters import HTTPAdapter

from planhat_api.errors import PlanhatError
from planhat_api.http.body import OversizeError, read_body, read_start
from planhat_api.http.call import Answer, Call, GarbledError, NestedError, is_success
from planhat_api.http.call_errors import call_error
from planhat_api.http.retry import CallFault, Fault, backoff_delays, fault_of_status, retry_after
from planhat_api.logs import guard_loggers
from planhat_api.quota.quota import NoTurnError, Quota
from planhat_api.redaction import keep_secret
from planhat_api.settings.quota_store import secrets_of
from planhat_api.timing.deadline import Deadline
from planhat_api.timing.threads import DaemonThreads
from planhat_api.timing.total_timeout import TotalTimeout, TotalTimeoutError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from planhat_api.settings.connection import Connection

__all__ = ["Transport"]

_log = logging.getLogger("planhat_api")
_T = TypeVar("_T")


class Transport:
    """Sends calls over pooled connections. Safe to use from many threads.

    Attributes:
        calls: Number of calls so far, including retries.
        retried: Number of calls so far that were made again after a fault.
        waits: How long calls waited for the quota.
    """

    def __init__(self, connection: Connection, deadline: Deadline | None = None) -> None:
        """Prepare the connections. The first call opens one.

        Args:
            connection: How to reach the tenant.
            deadline: Ends all calls when the program has to stop; None for no deadline.

        Raises:
            ConfigurationError: The store of the quota can never be used.
        """
        keep_secret(connection.api_token, connection.tenant_token, *secrets_of(connection.quota_store))
        guard_loggers()
        self._timeout = connection.timeout_seconds
        self._give_up_after = connection.give_up_after_seconds
        self._deadline = deadline or Deadline()
        # A call may hang in any system call, and only another thread can then abandon it.
        self._call_threads = DaemonThreads(connection.parallel_calls)
        self._quota = Quota(
            calls_per_minute=connection.calls_per_minute,
            parallel_calls=connection.parallel_calls,
            store=connection.quota_store,
            tenant=connection.quota_key,
            workers=connection.quota_workers,
            backfill=connection.quota_priority == "backfill",
            deadline=self._deadline,
        )
        self.waits = self._quota.waits
        self.calls = 0
        self.retried = 0
        self._counting = threading.Lock()
        self._session = _session(connection.parallel_calls)
        self._environments: dict[str, Mapping[str, Any]] = {}
        self._answered: set[str] = set()
        self._total_timeout = TotalTimeout(max(self._timeout, self._give_up_after))
        self._repeat = backoff.on_exception(
            backoff_delays,
            CallFault,
            jitter=None,
            logger=None,
            giveup=lambda _fault: self._deadline.is_set,
            on_backoff=self._wait,
            give_up_after=connection.give_up_after_seconds,
        )

    def spare(self) -> int:
        """Calls that could be made right now without waiting for the quota; see ``Quota.spare``."""
        return self._quota.spare()

    def close(self) -> None:
        """Close the connections."""
        self._call_threads.shutdown()
        self._session.close()
        self._total_timeout.close()
        self._quota.close()

    def send(self, call: Call[_T]) -> _T:
        """Send a call, repeat it if that is safe and may help, and return what its ``read`` makes from the answer.

        Raises:
            PlanhatError: The call failed; see ``planhat_api.errors``.
        """
        attempt = self._repeat(self._attempt if call.find_result is None else self._attempt_or_find_result)
        try:
            result: _T = attempt(call)
        except CallFault as error:
            # Without traceback and context: they would keep the answer in memory, and the messages of the HTTP
            # libraries contain URLs, which may contain the tenant token.
            error.__context__ = None
            fault = error.with_traceback(None)
        else:
            return result
        raise call_error(call, fault)

    def _attempt_or_find_result(self, call: Call[_T]) -> _T:
        try:
            return self._attempt(call)
        except CallFault as fault:
            if call.find_result is None or not fault.fault.may_have_arrived:
                raise
            try:
                found = call.find_result()
            except PlanhatError:
                # The result stays unknown. The caller gets the fault of the call itself.
                raise fault from None
            if found is not None:
                return found
            fault.safe = True
            raise

    def _attempt(self, call: Call[_T]) -> _T:
        asked = began = time.monotonic()
        try:
            with self._quota.turn(counted=call.counted):
                began = time.monotonic()
                self._count(call)
                answer = self._exchange_in_time(call)
            return _result(call, answer, time.monotonic() - began)
        except NoTurnError:
            raise CallFault(Fault.ENDING, "", safe=call.safe) from None
        except CallFault as fault:
            fault.waited = began - asked
            raise

    def _count(self, call: Call[Any]) -> None:
        with self._counting:
            self.calls += 1
        if call.tally:
            call.tally.add()

    def _exchange_in_time(self, call: Call[Any]) -> Answer:
        if self._deadline.has_passed:
            raise CallFault(Fault.ENDING, "", safe=call.safe)
        exchange = self._call_threads.submit(self._exchange, call)
        try:
            if not self._deadline.wait_for(exchange):
                raise CallFault(Fault.LOST, "aborted, because the program ends", safe=call.safe)
            return exchange.result()
        finally:
            # Its error refers to this frame: in a reference cycle, they would keep what was read in memory.
            del exchange

    def _exchange(self, call: Call[Any]) -> Answer:
        try:
            request = requests.Request(
                call.method,
                call.url,
                params=dict(call.params),
                data=call.body,
                headers={"Content-Type": "application/json"} if call.body is not None else {},
                auth=call.auth,
            )
            response = self._session.send(
                self._session.prepare_request(request),
                timeout=(self._timeout, self._timeout),
                allow_redirects=False,
                **self._environment(call),
            )
            self._answered.add(call.host)
            wanted = is_success(response.status_code) or response.status_code in call.takes
            # The socket timeout notices a body that stops, but not one that arrives very slowly.
            with response, self._total_timeout.limit(response.raw.shutdown):
                body = read_body(response.raw) if wanted else read_start(response.raw)
        except OversizeError as error:
            raise CallFault(Fault.OVERSIZE, str(error), safe=call.safe, status=response.status_code) from None
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            fault, detail = _connection_fault(error)
            if fault is Fault.NO_HOST and call.host in self._answered:
                fault = Fault.NOT_SENT
            raise CallFault(fault, detail, safe=call.safe) from None
        headers = response.headers
        wait = retry_after(headers.get("Retry-After"))
        return Answer(response.status_code, body, headers.get("Content-Type", ""), wait)

    def _environment(self, call: Call[Any]) -> Mapping[str, Any]:
        """Proxies and certificates from the environment for a host; requests would look them up for each call."""
        settings = self._environments.get(call.host)
        if settings is None:
            with requests.Session() as session:
                settings = session.merge_environment_settings(call.url, {}, stream=True, verify=None, cert=None)
            self._environments[call.host] = settings
        return settings

    def _wait(self, details: Any) -> None:  # noqa: ANN401 - backoff does not export the type
        """Wait until the next attempt. There is none if the deadline is set meanwhile."""
        fault: CallFault = details["exception"]
        call: Call[Any] = details["args"][0]
        attempt: int = details["tries"] + 1
        if fault.fault is Fault.BUSY:
            with self._quota.waits.waiting():
                self._pause(call, fault, attempt)
                goes_on = self._deadline.wait(fault.pause)
        else:
            _log.warning("%s. Retrying in %.1f s (attempt %d)", _shown(call, fault), fault.pause, attempt)
            goes_on = self._deadline.wait(fault.pause)
        if not goes_on:
            raise fault
        with self._counting:
            self.retried += 1

    def _pause(self, call: Call[Any], fault: CallFault, attempt: int) -> None:
        """Hold back other calls too after a 429. One of the analytics host concerns only its own call (B10)."""
        if call.counted:
            self._quota.pause(fault.pause)
        everyone = "all processes that share the quota_store" if self._quota.is_shared else "all calls"
        self._quota.waits.report_refusal(
            f"{_shown(call, fault)}. Retrying in {fault.pause:.1f} s (attempt {attempt})",
            everyone if call.counted else "",
        )


def _shown(call: Call[Any], fault: CallFault) -> str:
    """A call and what went wrong with it, for the log."""
    status = f" ({fault.status})" if fault.status else ""
    return f"{call.name}: {fault.fault.value}{status}: {fault.detail}"


def _result(call: Call[_T], answer: Answer, took: float) -> _T:
    """What a call makes of its answer.

    Raises:
        CallFault: The call failed.
    """
    _log.debug(
        "%s: %d in %d ms, %d rows and %d bytes out, %d bytes in",
        call.name,
        answer.status,
        took * 1000,
        call.rows,
        len(call.body or b""),
        len(answer.body),
    )
    if not (answer.succeeded or answer.status in call.takes):
        kind = fault_of_status(answer.status)
        raise CallFault(kind, answer.text, safe=call.safe, status=answer.status, wait=answer.wait)
    try:
        return call.read(answer)
    except (GarbledError, RecursionError) as error:
        fault, detail = _unreadable(answer, error)
        raise CallFault(fault, detail, safe=call.safe, status=answer.status) from None


def _session(connections: int) -> requests.Session:
    session = requests.Session()
    session.trust_env = False
    adapter = HTTPAdapter(pool_connections=2, pool_maxsize=connections, max_retries=0)
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    # No cookies: the API does not use sessions, and threads should not share them.
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    session.headers["User-Agent"] = "planhat-api (python)"
    session.headers["Accept"] = "application/json"
    return session


def _unreadable(answer: Answer, error: GarbledError | RecursionError) -> tuple[Fault, str]:
    """What is wrong with an answer that cannot be read, without the content of its rows."""
    if isinstance(error, RecursionError):
        return Fault.NESTED, ""
    if isinstance(error, NestedError):
        return Fault.NESTED, str(error)
    rows = answer.body.lstrip().startswith(b"[")
    return Fault.GARBLED, f"{error}: {f'{len(answer.body)} bytes' if rows else answer.text}"


def _connection_fault(error: Exception) -> tuple[Fault, str]:
    """The fault of a connection, and a message without the URL, which the library's own message contains."""
    reason = getattr(error.args[0], "reason", None) if error.args else None
    if isinstance(reason, urllib3.exceptions.NameResolutionError) and _host_does_not_exist(reason.__cause__):
        return Fault.NO_HOST, ""
    for kinds, fault, text in _CONNECTION_FAULTS:
        if isinstance(error, kinds) or isinstance(reason, kinds):
            return fault, text
    return Fault.LOST, "the connection was lost before the answer was complete"


def _host_does_not_exist(error: BaseException | None) -> bool:
    """Whether the name server answered that there is no such host. It may also be unreachable."""
    unknown = {socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME)}
    return isinstance(error, socket.gaierror) and error.errno in unknown


# The first match counts, because the libraries' errors are subclasses of one another: in urllib3, an unknown host name
# is a timeout.
_CONNECTION_FAULTS: tuple[tuple[tuple[type[Exception], ...], Fault, str], ...] = (
    ((TotalTimeoutError,), Fault.LOST, "the body arrived too slowly and was not complete in time"),
    ((urllib3.exceptions.NameResolutionError,), Fault.NOT_SENT, "the host name is not known"),
    (
        (urllib3.exceptions.NewConnectionError, urllib3.exceptions.ProxyError),
        Fault.NOT_SENT,
        "the host refuses the connection",
    ),
    (
        (requests.ConnectTimeout, urllib3.exceptions.ConnectTimeoutError),
        Fault.NOT_SENT,
        "the host did not accept the connection in time",
    ),
    (
        (requests.Timeout, urllib3.exceptions.TimeoutError, TimeoutError),
        Fault.LOST,
        "no answer before the timeout",
    ),
    ((requests.exceptions.SSLError,), Fault.NOT_SENT, "no secure connection"),
    (
        (requests.exceptions.InvalidURL, requests.exceptions.InvalidHeader),
        Fault.REFUSED,
        "the URL or the token cannot be sent",
    ),
)
