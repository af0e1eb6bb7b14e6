"""The client: every operation of Planhat's API as a method."""

from __future__ import annotations

import threading
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from planhat_api import analytics
from planhat_api.answers import copies_made, nothing, one_record, page_at, record_or_text
from planhat_api.bulk import upsert as bulk
from planhat_api.bulk.answer import BULK_TAKES, BulkAnswer, read_bulk
from planhat_api.bulk.clues import TenantClues
from planhat_api.errors import AccessError, NotFoundError, PlanhatError
from planhat_api.http import auth, urls
from planhat_api.http.call import Answer, Call
from planhat_api.http.threads import DaemonThreads
from planhat_api.http.transport import Transport
from planhat_api.jsontext import array_of, encode
from planhat_api.lists.ahead import Ahead, Source
from planhat_api.lists.companies import Companies
from planhat_api.lists.falling import read_falling
from planhat_api.lists.paging import read_list
from planhat_api.models.registry import model as model_named
from planhat_api.outcome import BulkResult, Fate, Outcome, PushResult

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from types import TracebackType

    from planhat_api.http.patience import Patience
    from planhat_api.lists.ahead import Fetch
    from planhat_api.lists.falling import Values
    from planhat_api.lists.page import Page, Recognise
    from planhat_api.models.registry import Model
    from planhat_api.row import Row
    from planhat_api.settings.connection import Connection

__all__ = ["PlanhatClient"]

_T = TypeVar("_T")
_GONE = 404
_REFUSED_WITHOUT_A_WORD = 403
_LEFT_AS_IT_WAS = frozenset({Fate.UNCHANGED, Fate.REJECTED})


class PlanhatClient:
    """Every operation of Planhat's API. Safe to use from many threads; a context manager.

    Calls wait for their turn in the quota, are repeated where that is safe, and raise the errors of
    ``planhat_api.errors``: any call may raise ``CredentialsError``, ``AccessError``, ``NotFoundError``,
    ``RateLimitError``, ``UnavailableError`` or ``PayloadError``.
    """

    def __init__(self, connection: Connection, patience: Patience | None = None) -> None:
        """Connects nothing yet.

        Args:
            connection: How to reach the tenant; see ``Connection.from_settings``.
            patience: By it calls can be kept from waiting, for a program that has to end soon; None for never.
        """
        self._connection = connection
        self._transport = Transport(connection, patience)
        self._auth = auth.main_auth(connection)
        self._pool = DaemonThreads(connection.parallel_calls)
        self._one_bulk_call = threading.Lock()
        self._clues: dict[str, TenantClues] = {}
        self.companies = Companies(self)

    def __enter__(self) -> PlanhatClient:  # noqa: PYI034 - Self needs typing_extensions on Python 3.10
        """The client itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the client."""
        self.close()

    def close(self) -> None:
        """Let go of the connections. Pages on their way are dropped."""
        self._pool.shutdown()
        self._transport.close()

    @property
    def calls(self) -> int:
        """How many calls went out so far, repeats counted."""
        return self._transport.calls

    @property
    def seconds_waited(self) -> float:
        """How long calls waited so far for their turn in the quota, those that waited side by side counted once."""
        return self._transport.waits.seconds

    # Reading

    def check_credentials(self) -> None:
        """Make one small call that any good token may make (B9).

        Raises:
            CredentialsError: The token is not accepted on this host.
        """
        try:
            self._send("GET", "myprofile", nothing)
        except NotFoundError:
            self._check_by_list()
        except AccessError:
            return

    def page(  # noqa: PLR0913 - each is a parameter of Planhat's lists
        self,
        model: Model,
        *,
        offset: int = 0,
        limit: int | None = None,
        sort: str | None = None,
        select: str | Sequence[str] | None = None,
        params: Mapping[str, str] | None = None,
        recognise: Recognise | None = None,
    ) -> Page:
        """One list call.

        Args:
            model: What to list.
            offset: Rank of the first row, from 0.
            limit: Rows to ask for, cut to the documented maximum; None for what the model file says (B26).
            sort: Field, with ``-`` before it for descending order; left out for lists that do not take it.
            select: Fields to return, ``"*"`` for all known ones; None leaves the choice to Planhat (B35).
            params: The model's own list parameters, as in ``model.passes``; the value ``"*"`` stands for all fields.
            recognise: Looks at the records in place of the client; for callers who have to decode them anyway.

        Returns:
            The page, as bytes.
        """
        urls.checked_operation(model, "list")
        query = urls.list_query(model, offset=offset, limit=limit, sort=sort, select=select, params=params)
        return self._send("GET", model.path, partial(page_at, offset, recognise=recognise), params=query)

    def pages(  # noqa: PLR0913 - each is a parameter of Planhat's lists
        self,
        model: Model,
        *,
        params: Mapping[str, str] | None = None,
        limit: int | None = None,
        sort: str | None = "_id",
        select: str | Sequence[str] | None = None,
        in_flight: int = 1,
        recognise: Recognise | None = None,
        doubt: Callable[[str], None] | None = None,
        falling_by: Values | None = None,
    ) -> Iterator[Page]:
        """The whole list for one set of parameters, page by page, in order.

        Rows may come and go meanwhile: none that is there all the time is left out, and none comes twice (see
        ``planhat_api.lists.paging``). Memory holds ``in_flight`` pages and what tells repeats.

        Args:
            model: What to list. A list that is not paged comes as one page.
            params: The model's own list parameters, as in ``model.passes``.
            limit: Rows per call; None for what the model file says.
            sort: Order to ask for. ``_id`` needs the least memory and is safest (B30).
            select: Fields to return; ``_id`` comes in any case.
            in_flight: Pages to have on the way at once, at most ``parallel_calls``.
            recognise: As for ``page``; called from many threads.
            doubt: Called with the reason when rows that were there all the time may be missing.
            falling_by: For an order by another field than ``_id``, in which rows can be equal: the values of the rows
                of a page in that field. The list is then read as ``planhat_api.lists.falling`` says, page after page.

        Yields:
            Pages that hold at least one new record each; with ``falling_by`` all that was received.

        Raises:
            UnprovenError: With ``falling_by``: no more rows can be handed out without passing over some.
        """
        if not model.paged:
            yield self.page(model, select=select, params=params, recognise=recognise)
            return
        source = Source(
            self._fetcher(model, sort=sort, select=select, params=params, recognise=recognise),
            self._pool,
            limit=urls.page_limit(model, limit),
            in_flight=max(1, min(in_flight, self._connection.parallel_calls)),
        )
        name = f"GET {model.path}"
        if falling_by:
            yield from read_falling(source, falling_by, name=name)
            return
        yield from read_list(
            source,
            name=name,
            sort=sort if model.sortable else None,
            doubt=doubt,
        )

    def front(  # noqa: PLR0913 - each is a parameter of Planhat's lists
        self,
        model: Model,
        *,
        limit: int,
        sort: str,
        select: str | Sequence[str] | None = None,
        params: Mapping[str, str] | None = None,
        recognise: Recognise | None = None,
    ) -> Page:
        """The first rows of a list in some order, in one answer.

        Args:
            model: What to list.
            limit: Rows to ask for at most. Where Planhat refuses so many, or they are too large for one answer, the
                page holds fewer.
            sort: As for ``page``.
            select: As for ``page``.
            params: As for ``page``.
            recognise: As for ``page``.
        """
        fetch = self._fetcher(model, sort=sort, select=select, params=params, recognise=recognise)
        source = Source(fetch, self._pool, limit=urls.page_limit(model, limit), in_flight=1)
        return Ahead(source, f"GET {model.path}").take(0, full=0)

    def _fetcher(self, model: Model, **options: Any) -> Fetch:  # noqa: ANN401 - those of ``page``
        def fetch(offset: int, limit: int) -> Page:
            return self.page(model, offset=offset, limit=limit, **options)

        return fetch

    def lean_companies(
        self, *, external_id: str | None = None, source_id: str | None = None, status: str | None = None
    ) -> Page:
        """``_id``, name and keys of all companies, or of those that match, in one answer.

        Args:
            external_id: Only the company with this external id.
            source_id: Only the company with this source id.
            status: One status, or several separated by commas.
        """
        params = _given(externalId=external_id, sourceId=source_id, status=status)
        return self.page(model_named("leancompanies"), params=params)

    def dimension_data(  # noqa: PLR0913 - each is a parameter of Planhat's list
        self,
        *,
        first_day: int,
        last_day: int,
        company_id: str | None = None,
        dimension_id: str | None = None,
        limit: int | None = None,
        in_flight: int = 1,
        recognise: Recognise | None = None,
    ) -> Iterator[Page]:
        """Daily metric values of a range of days (Q20), page by page.

        Args:
            first_day: Epoch day; see ``planhat_api.values.dates``.
            last_day: Epoch day, itself in the range.
            company_id: ``_id`` of the one company to read; None for all.
            dimension_id: The one metric to read; None for all.
            limit: Rows per call, up to 100,000 (B16).
            in_flight: Pages to have on the way at once.
            recognise: As for ``pages``.
        """
        params = _given(**{"from": str(first_day), "to": str(last_day), "cId": company_id, "dimid": dimension_id})
        return self.pages(
            model_named("dimensiondata"), params=params, limit=limit, in_flight=in_flight, recognise=recognise
        )

    def custom_fields(self) -> list[dict[str, Any]]:
        """The definitions of all custom fields of the tenant (B47)."""
        return [field for page in self.pages(model_named("customfields")) for field in page.records()]

    # One record

    def get(self, model: Model, key: str) -> dict[str, Any]:
        """One record.

        Args:
            model: Its model.
            key: ``_id``, or ``extid-…`` or ``srcid-…`` where the model takes them (B21).

        Raises:
            NotFoundError: There is none.
            ConfigurationError: The key is empty or of a form this model does not take.
        """
        return self._send("GET", urls.record_path(model, "get", key), one_record)

    def create(
        self, model: Model, row: Mapping[str, Any], *, look: Callable[[], dict[str, Any] | None] | None = None
    ) -> dict[str, Any] | str:
        """Create one record and return it, or what Planhat says instead (B73).

        Not repeated when it may have arrived (B24), unless the caller can tell whether it did. What comes back for an
        enduser that Planhat ignores is not known (B89, Q23): an object without ``_id`` was not stored.

        Args:
            model: Its model.
            row: The record.
            look: Finds the record in Planhat; None when it is not there.
        """
        urls.checked_operation(model, "create")
        return self._send("POST", model.path, record_or_text, body=encode(row), safe=False, look=look)

    def update(self, model: Model, key: str, row: Mapping[str, Any]) -> dict[str, Any] | str:
        """Change fields of one record and return it, or what Planhat says instead (B73).

        Args:
            model: Its model.
            key: As for ``get``.
            row: The fields to change. ``_id`` is left out (B23).
        """
        changes = {name: value for name, value in row.items() if name != "_id"}
        return self._send("PUT", urls.record_path(model, "update", key), record_or_text, body=encode(changes))

    def delete(self, model: Model, planhat_id: str) -> bool:
        """Delete one record (B78).

        Returns:
            True if it was there, False if it was gone already.
        """
        path = urls.record_path(model, "delete", planhat_id)
        was_there = self._send("DELETE", path, _was_there, takes=frozenset({_GONE}))
        if model.path == "companies":
            self.companies.forget()
        return was_there

    # Many records

    def bulk_upsert(self, model: Model, rows: Sequence[Row], *, distinct: bool = False) -> BulkResult:
        """Create or change rows, matched on their keys (B57, B58), and tell what became of each.

        One call goes out at a time (B14), of at most 5,000 rows (B13) and 8 MB, none with two rows that share a key.
        Where Planhat does not tell which rows failed, rows with keys are sent again in parts; a look at what it holds
        says which first. Rows that it may insert anew each time are ``UNKNOWN`` then, and so are those without keys. A
        row that Planhat may take without the company it names (B89, Q24) is not sent while there is no such company.

        Args:
            model: What the rows are.
            rows: Any number of rows, in the order in which they have to take effect.
            distinct: No two rows share a key, so that the client need not look.

        Raises:
            AccessError: The token may not do this, and Planhat does not say for which rows.
            UnavailableError: A call failed as a whole. With rows without keys, ``may_have_arrived`` tells whether
                sending them again may double them.

        Errors carry ``outcomes``, what is known of each row.
        """
        urls.checked_operation(model, "bulk_upsert")

        def send(batch: Sequence[Row]) -> BulkAnswer:
            body = array_of([row.body for row in batch])
            safe = bool(batch[0].keys)
            answer = self._send("PUT", model.path, read_bulk, body=body, safe=safe, rows=len(batch), takes=BULK_TAKES)
            if answer.status == _REFUSED_WITHOUT_A_WORD and not answer.told:
                message = f"PUT {model.path}: the token may not write {model.path} (403): {answer.text}"
                raise AccessError(message, status=answer.status, detail=answer.text)
            return answer

        clues = self._clues.setdefault(model.path, TenantClues(self, model, self.companies))
        with self._one_bulk_call:
            try:
                result = bulk.upsert(rows, send, self.check_credentials, clues, distinct=distinct)
            except PlanhatError as error:
                self._outdate_companies(model, error.outcomes or ())
                raise
            self._outdate_companies(model, result.outcomes)
        return result

    def _outdate_companies(self, model: Model, outcomes: Sequence[Outcome]) -> None:
        if model.path == "companies" and any(outcome.fate not in _LEFT_AS_IT_WAS for outcome in outcomes):
            self.companies.outdate()

    def duplicate_time_entries(self, planhat_ids: Sequence[str]) -> BulkResult:
        """Copy time entries. What Planhat answers is not known; copies it does not speak of are ``ACCEPTED``.

        Args:
            planhat_ids: ``_id`` of each time entry to copy.
        """
        model = model_named("timeentries")
        urls.checked_operation(model, "duplicate")
        body = encode({"ids": list(planhat_ids)})
        answer = self._send(
            "POST", f"{model.path}/duplicate", copies_made, body=body, safe=False, rows=len(planhat_ids)
        )
        fate = Fate.CREATED if answer.created == len(planhat_ids) else Fate.ACCEPTED
        if answer.errors:
            fate = Fate.UNKNOWN
        reason = answer.text if fate is Fate.UNKNOWN else None
        return BulkResult([Outcome(fate, None, reason)] * len(planhat_ids), calls=1)

    # The analytics host

    def push_metrics(self, rows: Sequence[Row], *, rows_per_call: int = analytics.ROWS_PER_CALL) -> PushResult:
        """Post metric points. Planhat checks their form at once and everything else later (B80, B81).

        Not repeated when a call may have arrived, for a point sent twice may count twice (B82).

        Args:
            rows: Points: ``dimensionId``, ``value``, ``externalId``, ``model``, ``date``.
            rows_per_call: Points in one call, 1 to 100,000 (B16).

        Raises:
            UnavailableError: ``may_have_arrived`` tells whether sending again may double the points; ``outcomes``
                tells which points an earlier call settled.
        """
        path = model_named("dimensiondata").push["bulk"]

        def send(batch: Sequence[Row]) -> analytics.Verdict:
            answer = self._post(path, batch, analytics.read_metrics, auth.metrics_auth(self._connection))
            return analytics.judge_metrics(batch, answer)

        return analytics.push(rows, send, most_rows=min(max(rows_per_call, 1), 100_000))

    def push_activities(self, rows: Sequence[Row], *, rows_per_call: int = analytics.ROWS_PER_CALL) -> PushResult:
        """Post user activities in bulk. Any 2xx is acceptance (B84). Not repeated when a call may have arrived.

        Args:
            rows: Activities.
            rows_per_call: Activities in one call.

        Raises:
            UnavailableError: As for ``push_metrics``.
        """
        path = model_named("analytics").push["bulk"]

        def send(batch: Sequence[Row]) -> analytics.Verdict:
            self._post(path, batch, nothing, auth.NO_AUTH)
            return [analytics.ACCEPTED] * len(batch), []

        return analytics.push(rows, send, most_rows=max(rows_per_call, 1), most_bytes=bulk.MOST_BYTES)

    def push_activity(self, row: Row) -> None:
        """Post one user activity. Any 2xx is acceptance (B84)."""
        self._analytics(model_named("analytics").push["one"], row.body, 1, nothing, auth.NO_AUTH)

    def push_segment(self, event: Mapping[str, Any]) -> None:
        """Post one event in the form of Segment (``identify`` or ``track``)."""
        authorization = auth.segment_auth(self._connection)
        self._analytics(model_named("analytics").push["segment"], encode(event), 1, nothing, authorization)

    # How calls are made

    def _check_by_list(self) -> None:
        try:
            self.page(model_named("users"), limit=1)
        except (AccessError, NotFoundError):
            return

    def _post(
        self, path: str, rows: Sequence[Row], read: Callable[[Answer], _T], authorization: auth.Authorization
    ) -> _T:
        return self._analytics(path, array_of([row.body for row in rows]), len(rows), read, authorization)

    def _analytics(
        self, path: str, body: bytes, rows: int, read: Callable[[Answer], _T], authorization: auth.Authorization
    ) -> _T:
        tenant = auth.tenant_token(self._connection)
        call = Call(
            "POST",
            f"{self._connection.analytics_url}/{path.replace('{tenant}', tenant)}",
            path,
            read,
            authorization,
            safe=False,
            counted=False,
            body=body,
            rows=rows,
        )
        return self._transport.send(call)

    def _send(  # noqa: PLR0913 - what a call can have
        self,
        method: str,
        path: str,
        read: Callable[[Answer], _T],
        *,
        safe: bool = True,
        params: Mapping[str, str] | None = None,
        body: bytes | None = None,
        rows: int = 0,
        takes: frozenset[int] = frozenset(),
        look: Callable[[], _T | None] | None = None,
    ) -> _T:
        url = f"{self._connection.base_url}/{path}"
        call = Call(
            method,
            url,
            path,
            read,
            self._auth,
            safe=safe,
            params=params or {},
            body=body,
            rows=rows,
            takes=takes,
            look=look,
        )
        return self._transport.send(call)


def _given(**params: str | None) -> dict[str, str]:
    return {name: value for name, value in params.items() if value is not None}


def _was_there(answer: Answer) -> bool:
    return answer.status != _GONE
