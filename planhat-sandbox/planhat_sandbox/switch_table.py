"""Lists the open questions about Planhat as switches of the sandbox."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["NUMBER", "SPAN", "SWITCHES", "TEXT", "Switch"]

NUMBER = "number"
TEXT = "text"
SPAN = "span"


@dataclass(frozen=True)
class Switch:
    """One open question.

    Attributes:
        name: Name of the switch.
        positions: The possible positions; empty for switches that take a number, a range or any text.
        default: Position in a new sandbox.
        facts: Numbers of the facts and questions in the notes on Planhat's API.
        meaning: What it decides.
        kind: ``position``, ``number``, ``span`` (a number or a range) or ``text``.
    """

    name: str
    positions: tuple[str, ...]
    default: str
    facts: str
    meaning: str
    kind: str = "position"


def _number(name: str, default: str, facts: str, meaning: str) -> Switch:
    return Switch(name, (), default, facts, meaning, NUMBER)


def _span(name: str, default: str, facts: str, meaning: str) -> Switch:
    return Switch(name, (), default, facts, meaning, SPAN)


def _text(name: str, facts: str, meaning: str) -> Switch:
    return Switch(name, (), "", facts, meaning, TEXT)


_TABLE = (
    # Lists
    Switch("limit_above_max", ("cap", "refuse", "honour"), "cap", "B27 Q4", "A limit above the largest page"),
    _number("page_max", "0", "B27 Q4", "Largest page of every model; 0 takes each model's own"),
    Switch("default_sort", ("insertion", "random", "newest_first"), "insertion", "B29", "Order without sort"),
    Switch("sort", ("honoured", "ignored"), "honoured", "B29 Q3", "Whether lists are sorted at all"),
    _text("sort_ignored_fields", "B32 Q3", "Fields that sort has no effect on, comma separated"),
    Switch("sort_nulls", ("low", "high"), "low", "B32", "Where rows without the sort field stand, ascending"),
    Switch(
        "equal_rows",
        ("stable", "changing"),
        "stable",
        "B29 Q22",
        "Order of rows with equal values in a sorted list: the same at each call, or another one",
    ),
    Switch("list_width", ("full", "lean"), "full", "B35 Q5", "Fields of a list without select: all, or _id and name"),
    Switch(
        "select",
        ("honoured", "ignored_by_invoices", "ignored"),
        "honoured",
        "B35",
        "Whether select trims the rows",
    ),
    Switch("users_list", ("reduced", "full"), "reduced", "B35", "Fields of /users without select"),
    Switch("companies_embedded", ("dropped", "listed"), "dropped", "B36", "licenses and sales in the company list"),
    Switch(
        "archived_rows",
        ("listed", "hidden"),
        "listed",
        "B37 Q17",
        "Archived issues, conversations and workflows in lists",
    ),
    Switch("tasks_is_archived_true", ("only", "all"), "only", "B31", "What tasks?isArchived=true brings"),
    Switch("dimensiondata_without_range", ("all", "refuse"), "all", "Q20", "GET /dimensiondata without from and to"),
    Switch("updated_at", ("present", "some", "absent"), "present", "B33 Q3", "updatedAt in answers"),
    # Forms of values in answers
    Switch(
        "references",
        ("id", "object", "mixed"),
        "mixed",
        "B36",
        "owner of a company, template of a workflow: an id or an object",
    ),
    Switch("currency", ("code", "object", "mixed"), "mixed", "B36", "_currency: a code or an object"),
    Switch("next_touch", ("iso", "epoch_ms", "mixed"), "iso", "B42", "nextTouch of companies"),
    Switch(
        "custom_empty",
        ("mixed", "object", "null", "absent"),
        "mixed",
        "B47",
        "custom of a row without custom values; mixed leaves each as it is stored",
    ),
    Switch("nps_names", ("documented", "live", "both"), "documented", "B46", "score or nps, comment or npsComment"),
    # How answers are sent
    Switch("compression", ("plain", "gzip"), "plain", "B1", "Body for clients that accept gzip; not documented"),
    Switch("transfer", ("length", "chunked"), "length", "B1", "Content-Length or chunks; not documented"),
    # Single calls
    Switch("put_with_id", ("refused", "accepted"), "refused", "B23", "_id in the body of PUT /model/{id}"),
    Switch("answers", ("object", "text"), "object", "B73", "What create and update answer"),
    Switch("create_status", ("200", "201"), "200", "B77", "Status of a create"),
    Switch("refused_create", ("400", "500_text"), "400", "B75", "How a refused create is answered"),
    Switch("error_body", ("object", "text"), "object", "B73", "Body of an error outside bulk"),
    Switch(
        "delete_answer",
        ("counts", "object", "empty", "text", "no_content"),
        "counts",
        "B78",
        "What a delete answers",
    ),
    Switch(
        "ignored_create",
        ("empty_object", "text", "empty", "claimed"),
        "empty_object",
        "B89 Q23",
        "What a create answers, with 200, for an enduser that is ignored; claimed: the row, with an _id that no list "
        "shows",
    ),
    Switch("delete_cascade", ("none", "children"), "none", "B78 Q18", "What the delete of a company does to its rows"),
    Switch("myprofile", ("present", "absent"), "present", "B9", "GET /myprofile"),
    # Bulk upsert: matching
    Switch("unknown_id", ("error", "insert"), "error", "B61 Q11", "An _id in a bulk item that matches nothing"),
    Switch("ambiguous_key", ("error", "first", "insert"), "error", "B62 Q10", "A key that matches several rows"),
    Switch(
        "key_search",
        ("first_key", "every_key"),
        "first_key",
        "B58 Q10",
        "Whether lower keys are tried when the highest key given matches nothing",
    ),
    Switch(
        "conflicting_keys",
        ("error", "higher_wins"),
        "error",
        "B60 Q10",
        "An item whose keys match two rows: refused, or the lower key is dropped",
    ),
    Switch(
        "unconfirmed_keys",
        ("honoured", "ignored"),
        "honoured",
        "B57 Q12",
        "Unconfirmed bulk keys: of deals, line items and products, externalId of conversations, sourceId of churn",
    ),
    Switch(
        "email_case",
        ("exact", "ignored"),
        "exact",
        "Q21",
        "How email addresses are compared, as keys and as filters: exactly, or without regard to case",
    ),
    Switch("repeated_key", ("error", "in_order"), "error", "B64 B70", "The same key twice in one request"),
    # Bulk upsert: endusers with equal keys
    Switch(
        "duplicated_endusers",
        ("stored", "later_refused", "all_refused"),
        "stored",
        "B14 B62 B90",
        "Endusers with equal keys in different companies: stored, or refused as duplicated, all or all but the first",
    ),
    Switch(
        "duplicated_keys",
        ("both", "any"),
        "both",
        "B90",
        "Keys that must be equal for it: externalId and email, or one of them",
    ),
    Switch(
        "duplicated_calls",
        ("parallel", "single"),
        "parallel",
        "B14 B90",
        "Rows that it compares: those of the request and of all requests at the same time, or of the request only",
    ),
    Switch(
        "duplicated_writes",
        ("all", "inserts"),
        "all",
        "B90",
        "Rows it refuses: all, or only those that match nothing",
    ),
    # New rows
    Switch(
        "enduser_without_company",
        ("ignored", "refused"),
        "ignored",
        "B89",
        "A new enduser that no field and no domain maps to a company: ignored without an error, or refused",
    ),
    Switch(
        "endusers_skipped",
        ("counted_as_nothing", "counted_as_created"),
        "counted_as_nothing",
        "B89 Q23",
        "What a bulk answer says of an enduser that is ignored: nothing, or that it was created, with an _id that no "
        "list shows",
    ),
    Switch(
        "enduser_of_unknown_company",
        ("refused", "unmapped"),
        "refused",
        "B22 B89",
        "A companyId of an enduser that names no company: refused, or treated as if it had not been sent",
    ),
    Switch(
        "ticket_without_company",
        ("refused", "ignored"),
        "refused",
        "Q28",
        "A new ticket that no field, domain or submitter maps to a company: refused, or ignored without an error",
    ),
    Switch(
        "tickets_skipped",
        ("counted_as_nothing", "counted_as_created"),
        "counted_as_nothing",
        "Q28",
        "What a bulk answer says of a ticket that is dropped, such as one without an email address: nothing, or that "
        "it was created, with an _id that no list shows",
    ),
    Switch(
        "users_without_nickname",
        ("refused", "accepted_by_create", "accepted"),
        "refused",
        "B93",
        "A new user without nickName: refused, taken by POST /users only, or taken in bulk as well",
    ),
    Switch(
        "taken_external_id",
        ("refused", "second_company"),
        "refused",
        "B62 B94",
        "POST /companies with the externalId of another company; in bulk it is a match",
    ),
    # Bulk upsert: values
    Switch("read_only_fields", ("ignored", "refused"), "ignored", "B56 Q15", "Autogenerated fields in a payload"),
    Switch("unknown_fields", ("dropped", "refused"), "dropped", "B52", "Top-level fields the model does not have"),
    Switch("bulk_custom", ("merges", "replaces"), "merges", "B48 Q8", "custom in a bulk update"),
    Switch("null_standard", ("clears", "ignored"), "clears", "B49 Q9", "null for a standard field"),
    Switch("iso_for_epoch_day", ("refused", "ignored"), "refused", "B41", "An ISO date sent to an epoch-day field"),
    Switch(
        "multipicklist_order",
        ("ignored", "significant"),
        "ignored",
        "Q27",
        "The same picks of a multipicklist in another order: no change, or a change",
    ),
    Switch("updated_at_on_equal", ("moved", "kept"), "moved", "B34", "updatedAt after an update that changed nothing"),
    Switch(
        "updated_at_on_archiving", ("moved", "kept"), "moved", "Q25", "updatedAt of a row that is archived or restored"
    ),
    # Bulk upsert: answer
    Switch(
        "error_items",
        ("object", "object_keys", "object_bare", "text", "text_with_key"),
        "object",
        "B68 Q1",
        "Items of the error arrays: {item, error}, {key, error}, {error}, text, text that names the key",
    ),
    Switch(
        "bulk_failure",
        ("206", "400_partial", "400_nothing"),
        "206",
        "B70 B71",
        "When some rows fail: 206, 400 with the good rows stored, or 400 with nothing stored",
    ),
    Switch("bulk_forbidden", ("partial", "nothing"), "partial", "B70 Q16", "What a bulk call answered 403 stores"),
    Switch("answer_keys", ("all", "id_only"), "all", "B66 Q2", "Keys in insertsKeys and updatesKeys"),
    _text("refused_creates", "B6 B70", "Paths the token may not create on, comma separated"),
    _text("refused_updates", "B6 B70", "Paths the token may not update on, comma separated"),
    _number("body_limit_mb", "32", "B15 Q7", "Largest request body; above it 413"),
    # Analytics host
    Switch("metrics_auth", ("either", "bearer", "basic_tenant"), "either", "B8", "Who may post metrics"),
    Switch(
        "metrics_processed",
        ("sent", "accepted"),
        "sent",
        "B81 B92",
        "What processed counts in the answer to metrics: all points sent, or those without an error",
    ),
    Switch(
        "metric_combine",
        ("sum", "last", "min", "max", "average"),
        "sum",
        "B82",
        "How several values of one record, metric and day become one",
    ),
    Switch(
        "metric_last",
        ("arrival", "time"),
        "arrival",
        "B82 Q29",
        "Which value of a day is the last: the one that arrived last, or the one with the latest time",
    ),
    Switch(
        "metric_zero",
        ("kept", "missing"),
        "kept",
        "B82",
        "Whether lists show a day whose value is zero",
    ),
    Switch(
        "metric_day",
        ("utc", "minus_8", "plus_9"),
        "utc",
        "Q26",
        "The clock that ends the day of a point: UTC, or one some hours behind or ahead of it; a date without a time "
        "of day is its own day",
    ),
    _span(
        "metrics_delay_seconds",
        "0",
        "B83",
        "Time until posted points can be read; of a range, each point has its own",
    ),
    Switch(
        "activity_key",
        ("any", "externalId", "euExtId", "id"),
        "any",
        "B84 Q19",
        "Name of the external id in activities sent in bulk",
    ),
    Switch("analytics_answer", ("empty", "text", "json"), "empty", "B84 Q19", "Body of an activity answer"),
    # Quota
    _number("calls_per_minute", "200", "B10", "Calls a minute on the main API; 0 is no limit"),
    _number("calls_per_second", "150", "B10", "Calls a second on the main API; 0 is no limit"),
    _number("parallel_calls", "50", "B10", "Calls at once on the main API; 0 is no limit"),
    _number("quota_window_seconds", "60", "B11", "Length of the window that calls_per_minute counts in"),
    Switch("retry_after", ("seconds", "date", "absent"), "seconds", "B12 Q6", "Retry-After with a 429"),
    Switch(
        "rate_headers",
        ("absent", "present", "x-ratelimit"),
        "absent",
        "B11 Q6",
        "Headers about the quota: none, X-Rate-Limit-Limit and -Remaining, or x-ratelimit-limit, -remaining and -reset",
    ),
    # Data that moves
    _number("moving_rows", "0", "B29", "Rows inserted and deleted between two list calls of a scan"),
    Switch("moving_kind", ("both", "inserts", "deletes"), "both", "B29", "What moving_rows does"),
)

SWITCHES: Mapping[str, Switch] = MappingProxyType({switch.name: switch for switch in _TABLE})
