"""The client with a method for every operation of Planhat's API."""

from __future__ import annotations

import sys
import threading
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from planhat_api import analytics
from planhat_api.answers import copies_made, nothing, one_record, page_at, record_or_text
from planhat_api.bulk import upsert as bulk
from planhat_api.bulk.answer import STATUSES_WITH_RESULTS, BulkAnswer, read_bulk
from planhat_api.bulk.hints import TenantHints
from planhat_api.errors import AccessError, NotFoundError, PlanhatError
from planhat_api.http import auth, urls
from planhat_api.http.call import Answer, Call
from planhat_api.http.transport import Transport
from planhat_api.jsontext import array_of, encode
from planhat_api.lists.companies import Companies
from planhat_api.lists.descending import read_descending
from planhat_api.lists.paging import read_list
from planhat_api.lists.prefetch import PageSource, Prefetcher
from planhat_api.lists.started import ROOM, StartedList
from planhat_api.models.registry import model as model_named
from planhat_api.outcome import Outcome, OutcomeKind, SendResult, outcome_of_failed_call
from planhat_api.timing.threads import DaemonThreads

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from types import TracebackType

    from planhat_api.http.call import CallTally
    from planhat_api.lists.descending import Values
    from planhat_api.lists.known_list import KnownList, ListRead
    from planhat_api.lists.page import ConformingIds, Page
    from planhat_api.lists.prefetch import Fetch
    from planhat_api.models.registry import Model
    from planhat_api.row import Row
    from planhat_api.settings.connection import Connection
    from planhat_api.timing.deadline import Deadline

__all__ = ["PlanhatClient"]

_T = TypeVar("_T")
_NOT_FOUND = 404
_FORBIDDEN = 403
_SPARE = 20
"""With fewer calls left, a page is hardly requested before it is known that it exists."""
_NOT_CHANGED = frozenset({OutcomeKind.UNCHANGED, OutcomeKind.REJECTED, OutcomeKind.NOT_SENT})


class PlanhatClient:
    """Every operation of Planhat's API. Many threads may use it, and it is a context manager.

    Calls wait for the quota, are repeated if that is safe, and raise the errors of ``planhat_api.errors``. Any call may
    raise ``CredentialsError``, ``AccessError``, ``NotFoundError``,
    ``RateLimitError``, ``UnavailableError`` or ``PayloadError``.

    Methods that send many rows raise none of these. They return a ``SendResult``: its ``error`` says why the other rows
    were not sent, and its ``raise_for_error`` raises that error.
    """

    def __init__(self, connection: Connection, deadline: Deadline | None = None) -> None:
        """Prepare the client. The first call opens a connection.

        Args:
            connection: How to reach the tenant; see ``Connection.from_settings``.
            deadline: Ends all calls when the program has to stop; None for no deadline.

        Raises:
            ConfigurationError: ``quota_store`` names a server that refuses the password, for example.
        """
        self._connection = connection
        self._transport = Transport(connection, deadline)
        self._auth = auth.main_auth(connection)
        self._pool = DaemonThreads(connection.parallel_calls)
        self._list_threads = DaemonThreads(connection.parallel_calls)
        self._one_bulk_call = threading.Lock()
        # Rows that Planhat accepts in a call, by the path of the model, where it does not accept the documented number.
        self._limits: dict[str, int] = {}
        self._hints: dict[str, TenantHints] = {}
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
        """Close the connections. Pages that were requested in advance are dropped."""
        self._list_threads.shutdown()
        self._pool.shutdown()
        self._transport.close()

    @property
    def calls(self) -> int:
        """Number of calls so far, including retries."""
        return self._transport.calls

    @property
    def calls_retried(self) -> int:
        """Number of calls so far that were made again after a fault."""
        return self._transport.retried

    @property
    def seconds_waited(self) -> float:
        """How long calls waited so far for the quota: for a turn, and after a 429. Simultaneous waits count once."""
        return self._transport.waits.seconds

    def spare_calls(self) -> int:
        """Calls that could be made right now without waiting for the quota; 0 during a pause after a 429.

        It is counted anew each time, with the calls of all processes that share the quota store. This takes less than a
        millisecond with a file, and as long as a server needs to answer otherwise. Other threads and processes may make
        these calls before the caller does.
        """
        return self._transport.spare()

    def _has_spare_calls(self) -> bool:
        return self.spare_calls() >= min(_SPARE, self._connection.calls_per_minute // 10)

    # Reading

    def check_credentials(self) -> None:
        """Make one small call that every valid token may make (B9).

        Raises:
            CredentialsError: This host does not accept the token.
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
        conforming_ids: ConformingIds | None = None,
        tally: CallTally | None = None,
    ) -> Page:
        """Make one list call.

        Args:
            model: The model to list.
            offset: Position of the first row, from 0.
            limit: Rows to request, at most the documented maximum; None for the page size in the model file (B26).
            sort: Field, with ``-`` before it for descending order. Lists that cannot be sorted ignore it.
            select: Fields to return, ``"*"`` for all known ones; if None, Planhat decides (B35).
            params: The model's own list parameters, as in ``model.passes``; the value ``"*"`` means all fields.
            conforming_ids: Reads ``_id`` of the records instead of the client, for callers who decode them anyway.
            tally: Counts the calls that are made for this, including retries.

        Returns:
            The page, as bytes.
        """
        urls.checked_operation(model, "list")
        query = urls.list_query(model, offset=offset, limit=limit, sort=sort, select=select, params=params)
        read = partial(page_at, offset, conforming_ids=conforming_ids)
        return self._send("GET", model.path, read, params=query, tally=tally)

    def pages(  # noqa: PLR0913 - each is a parameter of Planhat's lists
        self,
        model: Model,
        *,
        params: Mapping[str, str] | None = None,
        limit: int | None = None,
        sort: str | None = "_id",
        select: str | Sequence[str] | None = None,
        in_flight: int = 1,
        conforming_ids: ConformingIds | None = None,
        doubt: Callable[[str], None] | None = None,
        descending_by: Values | None = None,
        known: KnownList | None = None,
        found: ListRead | None = None,
        is_turn: Callable[[], bool] = lambda: True,
        tally: CallTally | None = None,
    ) -> Iterator[Page]:
        """Read the whole list for one set of parameters, page by page, in order.

        Rows may be inserted and deleted meanwhile: no row that exists during the whole read is missed, and none comes
        twice (see ``planhat_api.lists.paging``). It keeps ``in_flight`` pages in memory, and ids to recognise repeated
        rows.

        Args:
            model: The model to list. A list without paging comes as one page.
            params: The model's own list parameters, as in ``model.passes``.
            limit: Rows per call; None for the page size in the model file.
            sort: The order to request. ``_id`` needs the least memory and is safest (B30).
            select: Fields to return, always with ``_id``.
            in_flight: Pages to request at the same time, at most ``parallel_calls``.
            conforming_ids: As for ``page``; called from several threads.
            doubt: Called with the reason if rows that existed during the whole read may be missing.
            descending_by: For a descending order by a field in which rows can be equal: returns the values of the rows
                of a page in that field. ``planhat_api.lists.descending`` then reads the list, one page after the other.
            known: What an earlier read showed of this list, so that fewer calls are needed.
            found: Is filled with what this read shows of the list, at its end.
            is_turn: Whether the list is read now, so that pages may be requested before they are needed.
            tally: As for ``page``. Pages that were requested in advance count too.

        Yields:
            Pages with at least one new record each; with ``descending_by``, every page that was received.

        Raises:
            UnprovenError: With ``descending_by``: rows may be missing.
        """
        if not model.paged:
            yield self.page(model, select=select, params=params, conforming_ids=conforming_ids, tally=tally)
            return
        source = PageSource(
            self._fetcher(model, sort=sort, select=select, params=params, conforming_ids=conforming_ids, tally=tally),
            self._pool,
            limit=min(urls.page_limit(model, limit), self._limits.get(model.path, sys.maxsize)),
            in_flight=max(1, min(in_flight, self._connection.parallel_calls)),
            spare=self._has_spare_calls,
            is_turn=is_turn,
            note_limit=lambda works: self._limits.update({model.path: works}),
        )
        name = f"GET {model.path}"
        if descending_by:
            yield from read_descending(source, descending_by, name=name)
            return
        yield from read_list(
            source,
            name=name,
            sort=sort if model.sortable else None,
            doubt=doubt,
            known=known,
            found=found,
        )

    def start(self, pages: Iterator[Page], *, room: int = ROOM, after: StartedList | None = None) -> StartedList:
        """Begin to read a list before its pages are needed; see ``planhat_api.lists.started``.

        Args:
            pages: The result of ``pages`` or ``dimension_data``, from which no page was taken.
            room: Bytes to read in advance.
            after: A list that has to be read to its end first.
        """
        return StartedList(pages, self._list_threads, room=room, after=after)

    def first_rows(  # noqa: PLR0913 - each is a parameter of Planhat's lists
        self,
        model: Model,
        *,
        limit: int,
        sort: str,
        select: str | Sequence[str] | None = None,
        params: Mapping[str, str] | None = None,
        conforming_ids: ConformingIds | None = None,
        tally: CallTally | None = None,
    ) -> Page:
        """The first rows of a list in a given order, in one answer.

        Args:
            model: What to list.
            limit: The most rows to request. The page has fewer if Planhat refuses so many, or if they are too large for
                one answer.
            sort: As for ``page``.
            select: As for ``page``.
            params: As for ``page``.
            conforming_ids: As for ``page``.
            tally: As for ``page``.
        """
        fetch = self._fetcher(
            model, sort=sort, select=select, params=params, conforming_ids=conforming_ids, tally=tally
        )
        source = PageSource(fetch, self._pool, limit=urls.page_limit(model, limit), in_flight=1)
        return Prefetcher(source, f"GET {model.path}").get(0, full=0)

    def _fetcher(self, model: Model, **options: Any) -> Fetch:  # noqa: ANN401 - those of ``page``
        def fetch(offset: int, limit: int) -> Page:
            return self.page(model, offset=offset, limit=limit, **options)

        return fetch

    def lean_companies(
        self,
        *,
        external_id: str | None = None,
        source_id: str | None = None,
        status: str | None = None,
        tally: CallTally | None = None,
    ) -> Page:
        """``_id``, name and keys of all companies, or of those that match the parameters, in one answer.

        Args:
            external_id: Only the company with this external id.
            source_id: Only the company with this source id.
            status: One status, or several with commas between them.
            tally: As for ``page``.
        """
        params = _given(externalId=external_id, sourceId=source_id, status=status)
        return self.page(model_named("leancompanies"), params=params, tally=tally)

    def dimension_data(  # noqa: PLR0913 - each is a parameter of Planhat's list
        self,
        *,
        first_day: int,
        last_day: int,
        company_id: str | None = None,
        dimension_id: str | None = None,
        limit: int | None = None,
        in_flight: int = 1,
        conforming_ids: ConformingIds | None = None,
        found: ListRead | None = None,
        tally: CallTally | None = None,
    ) -> Iterator[Page]:
        """Read the daily metric values of a range of days (Q20), page by page.

        Args:
            first_day: First day, counted since 1970-01-01; see ``planhat_api.values.dates``.
            last_day: Last day, which belongs to the range.
            company_id: ``_id`` of a company, to read only its values; None for all.
            dimension_id: A metric, to read only its values; None for all.
            limit: Rows per call, up to 100,000 (B16).
            in_flight: Pages to request at the same time.
            conforming_ids: As for ``pages``.
            found: As for ``pages``.
            tally: As for ``pages``.
        """
        params = _given(**{"from": str(first_day), "to": str(last_day), "cId": company_id, "dimid": dimension_id})
        return self.pages(
            model_named("dimensiondata"),
            params=params,
            limit=limit,
            in_flight=in_flight,
            conforming_ids=conforming_ids,
            found=found,
            tally=tally,
        )

    def custom_fields(self) -> list[dict[str, Any]]:
        """The definitions of all custom fields of the tenant (B47)."""
        return [field for page in self.pages(model_named("customfields")) for field in page.records()]

    # One record

    def get(self, model: Model, key: str) -> dict[str, Any]:
        """Read one record.

        Args:
            model: Its model.
            key: ``_id``, or ``extid-…`` or ``srcid-…`` if the model takes them (B21).

        Raises:
            NotFoundError: There is no such record.
            ConfigurationError: The key is empty, or this model does not take keys of its form.
        """
        return self._send("GET", urls.record_path(model, "get", key), one_record)

    def create(
        self, model: Model, row: Mapping[str, Any], *, find_result: Callable[[], dict[str, Any] | None] | None = None
    ) -> dict[str, Any] | str:
        """Create one record and return it, or the text that Planhat answers instead (B73).

        The call is not repeated if it may have arrived (B24), unless ``find_result`` finds out that it did not. It is
        not known what Planhat answers for an enduser that it ignores (B89, Q23); an object without ``_id`` was not
        stored.

        Args:
            model: Its model.
            row: The record.
            find_result: Searches the record in Planhat; returns None if it is not there.
        """
        urls.checked_operation(model, "create")
        return self._send("POST", model.path, record_or_text, body=encode(row), safe=False, find_result=find_result)

    def update(self, model: Model, key: str, row: Mapping[str, Any]) -> dict[str, Any] | str:
        """Change fields of one record and return it, or the text that Planhat answers instead (B73).

        Args:
            model: Its model.
            key: As for ``get``.
            row: The fields to change. ``_id`` is not sent (B23).
        """
        changes = {name: value for name, value in row.items() if name != "_id"}
        return self._send("PUT", urls.record_path(model, "update", key), record_or_text, body=encode(changes))

    def delete(self, model: Model, planhat_id: str) -> bool:
        """Delete one record (B78).

        Returns:
            Whether the record existed.
        """
        path = urls.record_path(model, "delete", planhat_id)
        existed = self._send("DELETE", path, _existed, takes=frozenset({_NOT_FOUND}))
        if model.path == "companies":
            self.companies.forget()
        return existed

    # Many records

    def bulk_upsert(self, model: Model, rows: Sequence[Row], *, distinct: bool = False) -> SendResult:
        """Create or change rows, matched on their keys (B57, B58), and return the outcome of each.

        Calls go out one after the other (B14), each with at most 5,000 rows (B13) and 8 MB, and without two rows that
        share a key. If Planhat does not say which rows failed, this reads some rows from Planhat, and sends the other
        rows with keys again in parts. Rows that Planhat may insert again each time are ``UNKNOWN`` then, and so are
        rows without keys.

        Args:
            model: The model of the rows.
            rows: Any number of rows, in the order in which they have to take effect.
            distinct: Whether the caller knows that no two rows share a key, so that the client need not check it.

        Returns:
            The outcome of each row. ``error`` of the result says why the other rows were not sent: ``AccessError`` if
            the token may not write these rows, and Planhat does not say which of them; ``UnavailableError`` if a call
            failed as a whole. For rows without keys, ``may_have_arrived`` says whether sending them again may duplicate
            them.

        Raises:
            ConfigurationError: The model has no bulk upsert.
        """
        urls.checked_operation(model, "bulk_upsert")

        def send(batch: Sequence[Row]) -> BulkAnswer:
            body = array_of([row.body for row in batch])
            safe = bool(batch[0].keys)
            answer = self._send(
                "PUT", model.path, read_bulk, body=body, safe=safe, rows=len(batch), takes=STATUSES_WITH_RESULTS
            )
            if answer.status == _FORBIDDEN and not answer.has_results:
                message = f"PUT {model.path}: the token may not write {model.path} (403): {answer.text}"
                raise AccessError(message, status=answer.status, detail=answer.text)
            return answer

        hints = self._hints.setdefault(model.path, TenantHints(self, model, self.companies))
        with self._one_bulk_call:
            result = bulk.upsert(rows, send, self.check_credentials, hints, distinct=distinct)
            self._outdate_companies(model, result.outcomes)
        return result

    def _outdate_companies(self, model: Model, outcomes: Sequence[Outcome]) -> None:
        if model.path == "companies" and any(outcome.kind not in _NOT_CHANGED for outcome in outcomes):
            self.companies.invalidate()

    def duplicate_time_entries(self, planhat_ids: Sequence[str]) -> SendResult:
        """Copy time entries. It is not known what Planhat answers; copies that it does not confirm are ``ACCEPTED``.

        If a call fails, the result has its ``error``.

        Args:
            planhat_ids: ``_id`` of each time entry to copy.
        """
        model = model_named("timeentries")
        urls.checked_operation(model, "duplicate")
        body = encode({"ids": list(planhat_ids)})
        path = f"{model.path}/duplicate"
        try:
            answer = self._send("POST", path, copies_made, body=body, safe=False, rows=len(planhat_ids))
        except PlanhatError as error:
            return SendResult([outcome_of_failed_call(error)] * len(planhat_ids), calls=1, error=error)
        kind = OutcomeKind.CREATED if answer.created == len(planhat_ids) else OutcomeKind.ACCEPTED
        if answer.errors:
            kind = OutcomeKind.UNKNOWN
        reason = answer.text if kind is OutcomeKind.UNKNOWN else None
        return SendResult([Outcome(kind, None, reason)] * len(planhat_ids), calls=1)

    # The analytics host

    def push_metrics(self, rows: Sequence[Row], *, rows_per_call: int = analytics.ROWS_PER_CALL) -> SendResult:
        """Post metric points. Planhat checks their form immediately, and everything else later (B80, B81).

        A call is not repeated if it may have arrived, because a point that is sent twice may count twice (B82).

        Args:
            rows: Points: ``dimensionId``, ``value``, ``externalId``, ``model``, ``date``.
            rows_per_call: Points in one call, 1 to 100,000 (B16).

        Returns:
            The outcome of each point. ``error`` of the result says why the other points were not sent. Points that are
            ``LOST`` may count twice if they are sent again.

        Raises:
            ConfigurationError: There is no tenant token.
        """
        path = model_named("dimensiondata").push["bulk"]
        post = self._analytics(path, analytics.read_metrics, auth.metrics_auth(self._connection))

        def send(batch: Sequence[Row]) -> analytics.CallOutcomes:
            answer = post(array_of([row.body for row in batch]), len(batch))
            return analytics.interpret_metrics(batch, answer)

        return analytics.push(rows, send, most_rows=min(max(rows_per_call, 1), 100_000))

    def push_activities(self, rows: Sequence[Row], *, rows_per_call: int = analytics.ROWS_PER_CALL) -> SendResult:
        """Post user activities in bulk. Any 2xx means that they are accepted (B84).

        A call is not repeated if it may have arrived.

        Args:
            rows: Activities.
            rows_per_call: Activities in one call.

        Returns:
            As for ``push_metrics``.

        Raises:
            ConfigurationError: There is no tenant token.
        """
        post = self._analytics(model_named("analytics").push["bulk"], nothing, auth.NO_AUTH)

        def send(batch: Sequence[Row]) -> analytics.CallOutcomes:
            post(array_of([row.body for row in batch]), len(batch))
            return [analytics.ACCEPTED] * len(batch), []

        return analytics.push(rows, send, most_rows=max(rows_per_call, 1), most_bytes=bulk.MOST_BYTES)

    def push_activity(self, row: Row) -> None:
        """Post one user activity. Any 2xx means that it is accepted (B84)."""
        self._analytics(model_named("analytics").push["one"], nothing, auth.NO_AUTH)(row.body, 1)

    def push_segment(self, event: Mapping[str, Any]) -> None:
        """Post one event in Segment's form (``identify`` or ``track``)."""
        authorization = auth.segment_auth(self._connection)
        self._analytics(model_named("analytics").push["segment"], nothing, authorization)(encode(event), 1)

    # How calls are made

    def _check_by_list(self) -> None:
        try:
            self.page(model_named("users"), limit=1)
        except (AccessError, NotFoundError):
            return

    def _analytics(
        self, path: str, read: Callable[[Answer], _T], authorization: auth.Authorization
    ) -> Callable[[bytes, int], _T]:
        """What posts a body with so many rows to the analytics host.

        Raises:
            ConfigurationError: There is no tenant token; nothing was sent.
        """
        tenant = auth.tenant_token(self._connection)
        url = f"{self._connection.analytics_url}/{path.replace('{tenant}', tenant)}"

        def post(body: bytes, rows: int) -> _T:
            call = Call("POST", url, path, read, authorization, safe=False, counted=False, body=body, rows=rows)
            return self._transport.send(call)

        return post

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
        find_result: Callable[[], _T | None] | None = None,
        tally: CallTally | None = None,
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
            find_result=find_result,
            tally=tally,
        )
        return self._transport.send(call)


def _given(**params: str | None) -> dict[str, str]:
    return {name: value for name, value in params.items() if value is not None}


def _existed(answer: Answer) -> bool:
    return answer.status != _NOT_FOUND
