"""Keeps the rows of one model in a private temporary file, to find them by their keys."""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager
from itertools import count, islice
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import UNSET
from msgspec.structs import astuple

from planhat_api.bulk.key_case import folded
from planhat_api.destination.keys import KeyNames, SentKeysReader, company_text
from planhat_api.destination.matching import MOST_HOLDERS, HeldRow, Match, Matcher
from planhat_api.errors import TemporaryFileError
from planhat_api.jsontext import encode
from planhat_api.values.texts import key_text

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

    from planhat_api.destination.keys import SentKeys
    from planhat_api.lists.page import Page
    from planhat_api.models.registry import Model
    from planhat_api.row import Row

__all__ = ["DestinationIndex"]

_LEAN = frozenset({"_id", "name", "title", "nickName"})
"""The fields of a list that does not show all fields (B35, Q5)."""
_AT_ONCE = 500  # keys or rows in one statement
_CHUNK = 2000  # rows
_CACHE = 16 * 1024  # KiB
_ALL = frozenset({"*"})
_CUSTOM = "custom"
_NOWHERE = ("", 0)
_READ, _WRITTEN, _UNCERTAIN, _PLANNED = 0, 1, 2, 4

_NOT_WHOLE = "The list may not contain all rows (B29)"
_LEAN_LIST = "The list does not show the keys of the rows (Q5)"
_MAY_BE_HIDDEN = "An archived row may have this {name}, and the list may hide archived rows (B37, Q17)"
_NOT_ASKED = "Rows with this {name} were not looked for"

_decode_row = msgspec.json.Decoder(dict[str, Any]).decode


class DestinationIndex:
    """The rows of one model as Planhat holds them, with what this run has written since.

    Rows are added first, then searched. Memory stays flat, because the rows are in a temporary file without a name,
    which is deleted when the index is closed. One thread at a time may use it.

    All methods may raise ``TemporaryFileError``.

    Attributes:
        held_rows: Number of rows at the time of the look. For a view of a model, only the rows of the view.
        complete: Whether all rows of the lists were read. The caller sets it.
        asked: The keys, by name and value, that were looked for one by one; None if the whole list was read.
        shows_archived: Whether an archived row was read.
        seeks_new_rows: Whether the rows that are searched are new, so that they are not archived. The caller sets it.
    """

    def __init__(self, model: Model, fields: Collection[str], company_id: Callable[[str], str | None]) -> None:
        """Create the file.

        Args:
            model: The model of the rows.
            fields: Top-level fields of which the values are kept, by their names in requests or answers. ``_id``, keys
                and the company are always kept.
            company_id: Gives the ``_id`` of the company with this ``_id``, ``extid-…`` or ``srcid-…`` (B22); None if
                there is none.
        """
        self.names = KeyNames(model)
        self.complete = True
        self.asked: frozenset[tuple[str, str]] | None = None
        self.shows_archived = False
        self.seeks_new_rows = False
        self._model = model
        self._shown = {sent: answered for answered, sent in model.written_as.items()}
        self._fields = self._kept(fields)
        self._reader = SentKeysReader(self.names, company_id)
        self._matcher = Matcher(self.names, self)
        self._keys = [name for name in self.names.names if name != "_id"]
        self._names = {name: at for at, name in enumerate(("_id", *self._keys))}
        shown = ("_id", *(self.names.shown.get(name, name) for name in self._keys), self.names.company)
        self._records = _RecordReader(self._fields, self._typed(), shown)
        self._columns = {name: f"h{place}" for place, name in enumerate(("_id", *self._keys))}
        self._scoped_columns = {name: f"c{place}" for place, name in enumerate(sorted(self.names.scoped))}
        self._places = count(1)
        self._is_settled = False
        self._held_rows = 0
        self._names_beyond: set[str] = set()
        self._expected_names = _LEAN.union(model.default_select or ())
        with _file_errors():
            self._file = self._created()

    @property
    def select(self) -> tuple[str, ...]:
        """The fields to request. The time of the last change is among them: it tells a list that shows all fields."""
        stamp = self._model.updated.field
        return tuple(dict.fromkeys((*self._fields, *((stamp,) if stamp else ()))))

    @property
    def shows_all_fields(self) -> bool:
        """Whether the rows that were read so far show that the list has more than a few fields of them (B35, Q5)."""
        return bool(self._names_beyond - self._expected_names)

    @property
    def held_rows(self) -> int:
        """Number of rows at the time of the look."""
        self._settle()
        return self._held_rows

    def __len__(self) -> int:
        """Number of rows, with those that this run created and without those that it deleted."""
        self._settle()
        with _file_errors():
            ((number,),) = self._file.execute("select count(*) from held")
        return int(number)

    def close(self) -> None:
        """Delete the file."""
        self._file.close()

    # Rows that were read

    def add_page(self, page: Page) -> None:
        """Add the rows of a page."""
        whole = len(page.raw) == page.received
        self._add(self._records.all(page.body) if whole else self._records.each(page.raw), page.raw)

    def add(self, records: Iterable[bytes | msgspec.Raw]) -> None:
        """Add rows as answered. A row of which the ``_id`` is already there is ignored."""
        rest = iter(records)
        while chunk := list(islice(rest, _CHUNK)):
            self._add(self._records.each(chunk), chunk)

    def _add(self, records: Sequence[Any], raw: Sequence[bytes | msgspec.Raw]) -> None:
        self._note_names(raw)
        read = self._records
        marker = read.attribute(self._model.maybe_hidden)
        if marker and not self.shows_archived:
            self.shows_archived = any(getattr(record, marker) is True for record in records)
        identified = [record for record in records if key_text(record.planhat_id)]
        if len(identified) < len(records):
            # Nothing can be said about rows that are not named.
            self.complete = False
        if self._is_settled:
            identified = [record for record in identified if not self.holders("_id", str(key_text(record.planhat_id)))]
            self._held_rows += self._of_view(identified)
        places = list(islice(self._places, len(identified)))
        with _file_errors(), self._file:
            self._file.executemany(
                "insert into held values (?, 0, ?, null)", zip(places, map(encode, identified), strict=True)
            )
            self._file.executemany(self._insert_keys, map(self._hashes, places, identified))

    def _hashes(self, place: int, record: Any) -> tuple[int | None, ...]:  # noqa: ANN401 - a generated struct
        texts = [_text(getattr(record, attribute)) for attribute in self._key_attributes]
        company = None
        if self._company_attribute is not None:
            value = getattr(record, self._company_attribute)
            company = value if type(value) is str else company_text(value)
        return self._entry(place, texts, company)

    def _entry(self, place: int, texts: Sequence[str | None], company: str | None) -> tuple[int | None, ...]:
        """The hashes of the keys of a row. Wherever a hash leads to, the row itself decides."""
        email = self._email_at
        return (
            place,
            *[
                None if not text else hash(folded("email", text)) if at == email else hash(text)
                for at, text in enumerate(texts)
            ],
            *[hash((texts[at], company)) if texts[at] else None for at in self._scoped_at],
        )

    def _note_names(self, raw: Sequence[bytes | msgspec.Raw]) -> None:
        """Note the fields of the list until it is known that it shows more than the fields it shows at least."""
        for record in raw:
            if self._names_beyond - self._expected_names:
                return
            self._names_beyond.update(_decode_row(record).keys() - _LEAN)

    def _of_view(self, records: Sequence[Any]) -> int:
        constants = [(self._records.attribute(name), value) for name, value in self._model.constants.items()]
        return sum(
            all(attribute is None or getattr(record, attribute) in (value, UNSET) for attribute, value in constants)
            for record in records
        )

    # The search

    def find(self, rows: Sequence[Row]) -> list[Match]:
        """What Planhat would match each of these rows with. The rows are matched one by one, in any order."""
        self._settle()
        with _file_errors():
            return [
                match
                for start in range(0, len(rows), _AT_ONCE)
                for match in self._matches([self._reader.read(row.body) for row in rows[start : start + _AT_ONCE]])
            ]

    def each_record(self) -> Iterator[Mapping[str, str] | None]:
        """``_id`` and keys of each record as Planhat holds it now; None for a record of which they are not known."""
        self._settle()
        with _file_errors():
            for row in self._file.execute("select * from held"):
                held = self._held(*row)
                is_unknown = held.planhat_id is None or held.is_uncertain or (row[1] & _PLANNED)
                yield None if is_unknown else {"_id": str(held.planhat_id), **held.keys}

    def keys_of(self, row: Row) -> Mapping[str, str]:
        """The keys of a row that is sent, as text."""
        return self._reader.read(row.body).keys

    def _matches(self, sent: Sequence[SentKeys]) -> list[Match]:
        match, plain_match = self._matcher.match, self._matcher.plain_match
        only = self._only_holders(sent)
        return [
            (None if held is None else plain_match(keys, held)) or match(keys)
            for keys, held in zip(sent, only, strict=True)
        ]

    def _only_holders(self, sent: Sequence[SentKeys]) -> list[HeldRow | None]:
        """For each row, the held row with its first key, if only one row has a key with this hash."""
        columns: dict[str, dict[int, HeldRow | None]] = {}
        searched: list[tuple[str, int]] = []
        for row in sent:
            place = _NOWHERE
            for name, value in row.keys.items():
                place = self._searched(name, value, row.company)
                break
            searched.append(place)
        for column in {column for column, _ in searched} - {""}:
            hashes = [hashed for found, hashed in searched if found == column]
            # SQLite takes the other columns from the row with the smallest place.
            marks = ",".join("?" * len(hashes))
            rows = self._file.execute(
                f"select keys.{column}, count(*), min(keys.place), state, body, written "  # noqa: S608 - no user input
                f"from keys join held using (place) where keys.{column} in ({marks}) group by keys.{column}",
                hashes,
            )
            columns[column] = {
                hashed: self._held(place, state, body, written)
                for hashed, number, place, state, body, written in rows
                if number == 1
            }
        return [columns[column].get(hashed) if column else None for column, hashed in searched]

    def _searched(self, name: str, value: str, company: str | None) -> tuple[str, int]:
        if company is not None and name in self._scoped_columns:
            return self._scoped_columns[name], hash((value, company))
        return self._columns[name], hash(folded(name, value) if name == "email" else value)

    def holders(self, name: str, value: str, company: str | None = None) -> Sequence[HeldRow]:
        """The rows that have this key, or may have it; see ``HeldRows``."""
        self._settle()
        with _file_errors():
            places = self._places_with(*self._searched(name, value, company))
            if company is not None and name in self._scoped_columns:
                # Records that this run created may belong to any company.
                places += self._places_with(self._scoped_columns[name], hash((value, None)))
            found = self._rows_at(places)
        return [held for held in found if self._has(held, name, value, company)]

    @property
    def hidden_keys(self) -> str | None:
        """Why a row can have keys that the index does not show; None if it cannot."""
        is_lean = self.asked is None and self._held_rows and not self._names_beyond
        return _LEAN_LIST if is_lean else None

    def gap(self, name: str, value: str) -> str | None:
        """Why Planhat may hold a row with this key that is not in the index; None if it cannot."""
        if self.asked is not None:
            return None if (name, value) in self.asked else _NOT_ASKED.format(name=name)
        if self.hidden_keys is not None:
            return self.hidden_keys
        if not self.complete:
            return _NOT_WHOLE
        if self._model.maybe_hidden is not None and not (self.shows_archived or self.seeks_new_rows):
            return _MAY_BE_HIDDEN.format(name=name)
        return None

    def _places_with(self, column: str, hashed: int) -> list[int]:
        found = self._file.execute(
            f"select distinct place from keys where {column} = ? limit {MOST_HOLDERS + 1}",  # noqa: S608 - no user input
            (hashed,),
        )
        return [place for (place,) in found]

    def _rows_at(self, places: Sequence[int]) -> list[HeldRow]:
        rows: list[HeldRow] = []
        for start in range(0, len(places), _AT_ONCE):
            part = places[start : start + _AT_ONCE]
            marks = ",".join("?" * len(part))
            found = self._file.execute(f"select * from held where place in ({marks})", part)  # noqa: S608 - no user input
            rows += [self._held(*row) for row in found]
        return rows

    def _held(self, place: int, state: int, body: bytes, written: bytes | None) -> HeldRow:
        if written is None:
            *texts, company = self._records.keys(body)
            return HeldRow(place, body, texts, self._names, company, self._unsure)
        known = _decode_row(written)
        return HeldRow(
            place,
            body,
            known["keys"],
            self._names,
            known["company"],
            self._unsure if state & _PLANNED else _ALL,
            is_written=True,
            is_uncertain=bool(state & _UNCERTAIN),
        )

    def _has(self, held: HeldRow, name: str, value: str, company: str | None) -> bool:
        """Whether a row that a hash has led to has the key, or may have it."""
        if held.is_uncertain:
            return True
        own = held.key(name)
        if own != value and (own is None or folded(name, own) != folded(name, value)):
            return False
        if company is None or name not in self.names.scoped:
            return True
        return held.company == company or (held.company is None and held.is_written)

    # What this run writes

    def note_stored(self, row: Row, held: HeldRow | None, planhat_id: str | None, *, is_planned: bool = False) -> None:
        """Note that Planhat stored a row of this run.

        The fields that were sent are known from now on. All others are unsure, because Planhat may derive them (B85,
        B86); so are custom fields that were not sent (Q8), and fields that were emptied (B49, Q9).

        Args:
            row: The row as it was sent.
            held: The record that it changed; None if it created one.
            planhat_id: ``_id`` of the record, if the answer told it.
            is_planned: Whether the row was not sent, so that Planhat derives nothing from it. Then the record keeps its
                other fields.
        """
        self._settle()
        sent = self._reader.read(row.body)
        body = _decode_row(row.body)
        before = {} if held is None else held.keys
        keys = {**before, **{name: value for name, value in sent.keys.items() if name != "_id"}}
        company = sent.company
        if company is None and held is not None and not sent.company_is_emptied:
            company = held.company
        emptied = any(name in body and not body[name] for name in self._keys if name in before)
        is_in_doubt = emptied or (held is not None and self._may_lose_a_key(held, before, keys, company))
        values = self._values(body, company)
        known_id = planhat_id or (held.planhat_id if held is not None else None)
        if known_id is not None:
            values["_id"] = known_id
        state = _WRITTEN | (_UNCERTAIN if is_in_doubt else 0)
        if is_planned:
            state |= _PLANNED
            values = _joined(held.values if held is not None else {}, body, values)
        self._write(None if held is None else held.place, state, values, keys, company)

    def note_uncertain(self, row: Row, held: HeldRow | None) -> None:
        """Note that a row was sent, and that nobody knows whether Planhat stored it.

        Each later match that leads to the record has a doubt.

        Args:
            row: The row as it was sent.
            held: The record that it would change; None if it would create one.
        """
        self._settle()
        sent = self._reader.read(row.body)
        keys = {name: value for name, value in sent.keys.items() if name != "_id"}
        values = {"_id": held.planhat_id} if held is not None and held.planhat_id else {}
        before = {} if held is None else held.keys
        company = sent.company or (held.company if held is not None else None)
        self._write(None if held is None else held.place, _WRITTEN | _UNCERTAIN, values, {**before, **keys}, company)

    def note_deleted(self, planhat_id: str) -> None:
        """Note that this run deleted a record."""
        for held in self.holders("_id", planhat_id):
            if held.planhat_id == planhat_id:
                self.forget(held)

    def forget(self, held: HeldRow) -> None:
        """Remove a record."""
        with _file_errors(), self._file:
            self._file.execute("delete from held where place = ?", (held.place,))

    def _may_lose_a_key(
        self, held: HeldRow, before: Mapping[str, str], keys: Mapping[str, str], company: str | None
    ) -> bool:
        """Whether Planhat may have left out a key of an update, because another record may have it (B60)."""
        moves = company != held.company
        if moves and self.hidden_keys is not None:
            return True
        changed = [name for name in keys if keys[name] != before.get(name) or (moves and name in self.names.scoped)]
        return any(
            self.gap(name, keys[name]) is not None
            or any(other.place != held.place for other in self.holders(name, keys[name], company))
            for name in changed
        )

    def _values(self, body: Mapping[str, Any], company: str | None) -> dict[str, Any]:
        """The fields of a row that Planhat holds if it stored the row. A field has all its names."""
        values: dict[str, Any] = {}
        for name, value in body.items():
            kept = name in self._fields or self._shown.get(name) in self._fields or name in self.names.company_fields
            if not kept or name == "_id" or value in (None, ""):
                continue
            if name == _CUSTOM and isinstance(value, dict):
                value = {inner: found for inner, found in value.items() if found not in (None, "")}  # noqa: PLW2901 - the part of it that is known
            values[name] = values[self._shown.get(name, name)] = value
        if self.names.company is not None and any(name in values for name in self.names.company_fields):
            values[self.names.company] = company
        return values

    def _write(
        self, place: int | None, state: int, values: Mapping[str, Any], keys: Mapping[str, str], company: str | None
    ) -> None:
        place = next(self._places) if place is None else place
        texts = [str(values["_id"]) if "_id" in values else None, *[keys.get(name) for name in self._keys]]
        row = (place, state, encode(values), encode({"keys": texts, "company": company}))
        with _file_errors(), self._file:
            self._file.execute("insert or replace into held values (?, ?, ?, ?)", row)
            self._file.execute(self._insert_keys, self._entry(place, texts, company))

    # The file

    def _kept(self, fields: Collection[str]) -> tuple[str, ...]:
        names = self.names
        marker = self._model.maybe_hidden
        always = ("_id", *names.shown.values(), *filter(None, (names.company, marker)), *self._model.constants)
        wanted = (kept for name in fields for kept in (name, self._shown.get(name, name)))
        return tuple(name for name in dict.fromkeys((*always, *wanted)) if name not in self._model.secret)

    def _typed(self) -> frozenset[str]:
        names = self.names
        marker = self._model.maybe_hidden
        return frozenset(("_id", *names.shown.values(), *filter(None, (names.company, marker)), *self._model.constants))

    def _created(self) -> sqlite3.Connection:
        self._key_attributes = [
            self._records.attribute(self.names.shown.get(name, name)) or "" for name in ("_id", *self._keys)
        ]
        self._company_attribute = self._records.attribute(self.names.company)
        order = ["_id", *self._keys]
        self._email_at = order.index("email") if "email" in order else -1
        self._scoped_at = [order.index(name) for name in sorted(self.names.scoped)]
        self._hash_columns = [*self._columns.values(), *self._scoped_columns.values()]
        marks = ",".join("?" * (len(self._hash_columns) + 1))
        self._insert_keys = f"insert into keys values ({marks})"  # noqa: S608 - no user input
        file = sqlite3.connect("", check_same_thread=False)
        for setting in ("page_size = 8192", "journal_mode = off", "synchronous = off", f"cache_size = -{_CACHE}"):
            file.execute(f"pragma {setting}")
        file.execute("create table held (place integer primary key, state integer, body blob, written blob)")
        hashes = ", ".join(f"{name} integer" for name in self._hash_columns)
        file.execute(f"create table keys (place integer, {hashes})")
        return file

    def _settle(self) -> None:
        """Finish adding: make the rows searchable, and remove repeated ones."""
        if self._is_settled:
            return
        with _file_errors(), self._file:
            for name in self._hash_columns:
                self._file.execute(f"create index by_{name} on keys ({name}, place)")
        self._is_settled = True
        self._unsure = self._unsure_fields()
        with _file_errors(), self._file:
            self._remove_repeated()
            ((self._held_rows,),) = self._file.execute("select count(*) from held")
            if self._model.constants:
                self._held_rows = sum(
                    self._of_view(self._records.each([body])) for (body,) in self._file.execute("select body from held")
                )

    def _remove_repeated(self) -> None:
        hashes = self._file.execute("select h0 from keys group by h0 having count(*) > 1").fetchall()
        for (hashed,) in hashes:
            places = [place for (place,) in self._file.execute("select place from keys where h0 = ?", (hashed,))]
            known: set[str | None] = set()
            for held in sorted(self._rows_at(places), key=lambda held: held.place):
                if held.planhat_id in known:
                    self._file.execute("delete from held where place = ?", (held.place,))
                known.add(held.planhat_id)
        if hashes:
            self._file.execute("delete from keys where place not in (select place from held)")

    def _unsure_fields(self) -> frozenset[str]:
        """The fields of which the list does not tell whether a row has them."""
        if self.asked is not None or self._names_beyond - self._expected_names:
            return frozenset()
        if not self._names_beyond:
            return _ALL
        shown = self._model.default_select
        return frozenset() if shown is None else frozenset(self._fields).difference(shown, ("_id",))


class _RecordReader:
    """Decodes records into structs that keep only some fields, most of them as bytes."""

    def __init__(self, fields: Sequence[str], typed: Collection[str], keys: Sequence[str | None]) -> None:
        self._attributes = {name: "planhat_id" if name == "_id" else f"field_{at}" for at, name in enumerate(fields)}
        record = msgspec.defstruct(
            "Record",
            [(self._attributes[name], Any if name in typed else msgspec.Raw, UNSET) for name in fields],
            rename={attribute: name for name, attribute in self._attributes.items()},
            omit_defaults=True,
            gc=False,
        )
        self.all = msgspec.json.Decoder(list[record]).decode  # type: ignore[valid-type] # made at run time
        self._one = msgspec.json.Decoder(record).decode
        names = {f"key_{at}": name or "" for at, name in enumerate(keys)}
        # A model without a company has no field of this name.
        texts = [(attribute, str | None, None) for attribute in names]
        self._texts = msgspec.json.Decoder(msgspec.defstruct("Texts", texts, rename=names, gc=False)).decode
        values = [(attribute, Any, None) for attribute in names]
        self._values = msgspec.json.Decoder(msgspec.defstruct("Values", values, rename=names, gc=False)).decode

    def keys(self, body: bytes) -> Sequence[str | None]:
        """``_id``, the keys and the company of a record that was kept, as text."""
        try:
            return astuple(self._texts(body))
        except msgspec.ValidationError:
            *keys, company = astuple(self._values(body))
            return (*map(_text, keys), company_text(company))

    def each(self, records: Iterable[bytes | msgspec.Raw]) -> list[Any]:
        """Decode records that are separate."""
        return [self._one(record) for record in records]

    def attribute(self, name: str | None) -> str | None:
        """The attribute with a field; None if it is not kept."""
        return None if name is None else self._attributes.get(name)


def _joined(before: Mapping[str, Any], sent: Mapping[str, Any], values: dict[str, Any]) -> dict[str, Any]:
    """The values of a record after a row was stored from which nothing was derived.

    Args:
        before: Its values before.
        sent: The row.
        values: What the record holds of the row.
    """
    joined: dict[str, Any] = {name: value for name, value in before.items() if name not in sent} | values
    if isinstance(before.get(_CUSTOM), dict) and isinstance(sent.get(_CUSTOM), dict):
        kept = {name: value for name, value in before[_CUSTOM].items() if name not in sent[_CUSTOM]}
        joined[_CUSTOM] = kept | (values.get(_CUSTOM) or {})
    return joined


def _text(value: object) -> str | None:
    return value if type(value) is str else key_text(value)


@contextmanager
def _file_errors() -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        msg = f"The temporary file with the rows that Planhat holds cannot be used: {error}"
        raise TemporaryFileError(msg) from error
