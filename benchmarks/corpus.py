"""The rows every run reads or writes: encoded once, numbered, of any count, cut at any row without encoding again.

A corpus is made of blocks of 10,000 rows. All blocks are the same bytes but for the number of the block, which stands
in a few places of fixed width: a block is one ``bytes.replace``, and still every row is unlike the others.
"""

from __future__ import annotations

import datetime as dt
import json
import random
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

BLOCK = 10_000
COMPANIES = 500
FIRST_DAY = dt.date(2024, 1, 1)
EPOCH = dt.date(1970, 1, 1)

_HERE = "~BLK"
_TODAY = "~~~DATE~~~"
_BARE = "##"
_BLOCKS_HELD = 100
POSITIONS = ("Head of Operations", "Analyst", "VP Customer Success", "Entwickler/in")
_WORDS = (
    *("renewal", "onboarding", "champion", "rollout", "workshop", "budget", "quarterly", "dashboard", "review"),
    *("integration", "sponsor", "adoption", "pilot", "procurement", "security", "training", "licence", "upgrade"),
    *("feedback", "roadmap", "migration", "support", "kickoff", "invoice", "escalation", "usage", "contract"),
)
_FOREIGN_WORDS = ("säljteam", "éxito", "Schlüssel", "日本", "🚀")
_FOREIGN_TEXTS = 0.2

Row = dict[str, Any]


@dataclass(frozen=True)
class Corpus:
    """One kind of row.

    Attributes:
        name: What the rows are.
        marker: A field every row holds once; counting it counts rows, whatever spacing a writer uses.
        number: Pattern that finds the number of each row in encoded rows.
        make: The row of a place in the block.
    """

    name: str
    marker: bytes
    number: bytes
    make: Callable[[int], Row | str]

    @property
    def template(self) -> tuple[bytes, list[int]]:
        """A block without its number: the rows with a comma between them, and where each row starts."""
        return _template(self)

    def block(self, number: int) -> bytes:
        """The rows of one block, a comma between them."""
        return _block(self, number)

    def cut(self, first: int, last: int) -> list[memoryview | bytes]:
        """The bytes of rows ``first`` up to but without ``last``, a comma between them, in pieces."""
        pieces: list[memoryview | bytes] = []
        starts = self.template[1]
        while first < last:
            number, start = divmod(first, BLOCK)
            stop = min(BLOCK, start + last - first)
            if pieces:
                pieces.append(b",")
            pieces.append(memoryview(self.block(number))[starts[start] : starts[stop] - 1])
            first += stop - start
        return pieces

    def row(self, number: int) -> Row:
        """One row, decoded."""
        row: Row = json.loads(b"".join(bytes(piece) for piece in self.cut(number, number + 1)))
        return row

    def first_row(self) -> Row:
        """Row 0, decoded, for those who do not need a whole block."""
        row: Row = json.loads(_number(_encode(self.make(0)), 0))
        return row

    def lines(self, rows: int, before: bytes, after: bytes) -> Iterator[bytes]:
        """Each row between two texts, a block at a time; for files of messages."""
        template, starts = self.template if rows >= BLOCK else _rows_of(self, rows)
        line_block = b"".join(before + template[start : stop - 1] + after for start, stop in pairwise(starts))
        for number in range(-(-rows // BLOCK)):
            block = _number(line_block, number)
            left = rows - number * BLOCK
            yield block if left >= min(rows, BLOCK) else b"".join(block.splitlines(keepends=True)[:left])


@lru_cache(maxsize=8)
def _template(corpus: Corpus) -> tuple[bytes, list[int]]:
    return _rows_of(corpus, BLOCK)


def _rows_of(corpus: Corpus, count: int) -> tuple[bytes, list[int]]:
    rows = [_encode(corpus.make(number)) for number in range(count)]
    starts = [0, *accumulate(len(row) + 1 for row in rows)]
    return b",".join(rows) + b",", starts


def _encode(row: Row | str) -> bytes:
    """One row as JSON; a text between two marks of bareness stands there without its quotes, as a number."""
    text = json.dumps(row, ensure_ascii=False, separators=(",", ":"))
    return text.replace(f'"{_BARE}', "").replace(f'{_BARE}"', "").encode()


@lru_cache(maxsize=_BLOCKS_HELD)
def _block(corpus: Corpus, number: int) -> bytes:
    return _number(corpus.template[0], number)


def _number(template: bytes, number: int) -> bytes:
    day = FIRST_DAY + dt.timedelta(days=number)
    return template.replace(_HERE.encode(), b"%04d" % number).replace(_TODAY.encode(), day.isoformat().encode())


def epoch_day(number: int) -> int:
    """The epoch day whose points block ``number`` of the dimension rows holds."""
    return (FIRST_DAY - EPOCH).days + number


def company_id(number: int) -> str:
    """Planhat's id of a company."""
    return f"64c1f0aa9b2d1000{number:08d}"


def company_name(number: int) -> str:
    """Name of a company."""
    return f"Åkesson & Partners {number}"


def _text(chance: random.Random, words: int) -> str:
    known = _WORDS + _FOREIGN_WORDS if chance.random() < _FOREIGN_TEXTS else _WORDS
    return " ".join(chance.choices(known, k=words))


def _stamp(chance: random.Random) -> str:
    at = dt.datetime(2023, 1, 1, tzinfo=dt.timezone.utc) + dt.timedelta(seconds=chance.randrange(90_000_000))
    return f"{at:%Y-%m-%dT%H:%M:%S}.{chance.randrange(1000):03d}Z"


def _person(number: int) -> tuple[random.Random, str, Row]:
    chance = random.Random(number)
    serial = f"{_HERE}{number:04d}"
    first, last = chance.choice(("Ada", "Kim", "Søren", "Zoë", "Lin")), chance.choice(("Low", "Ek", "O'Neil", "Núñez"))
    company = chance.randrange(COMPANIES)
    return (
        chance,
        serial,
        {
            "email": f"{first.lower()}.{serial}@customer-{company}.example",
            "firstName": first,
            "lastName": last,
            "name": f"{first} {last}",
            "companyId": company_id(company),
            "externalId": f"usr-{serial}",
            "sourceId": f"003A0000{serial}",
            "position": chance.choice(POSITIONS),
            "phone": f"+46 70 {chance.randrange(10**7):07d}",
            "tags": chance.sample(_WORDS, 3),
            "featured": chance.random() < 0.2,  # noqa: PLR2004 - a share
            "primary": chance.random() < 0.1,  # noqa: PLR2004 - a share
            "otherEmails": [f"{last.lower()}{serial}@home.example"],
            "npsUnsubscribed": False,
        },
    )


def _custom(chance: random.Random) -> Row:
    return {
        "Days in Phase": chance.randrange(400),
        "Seats used (%)": round(chance.random() * 100, 2),
        "Decision maker": chance.random() < 0.5,  # noqa: PLR2004 - a share
        "Renewal date": _stamp(chance),
        "Segment": chance.choice(("Enterprise", "Mid market", "SMB")),
        "Products 🧩": chance.sample(("Core", "Insights", "Connect", "Archive"), 2),
        "Background": _text(chance, 22),
    }


def _enduser(number: int) -> Row:
    chance, serial, row = _person(number)
    company = row["companyId"]
    return {
        "_id": _id(number),
        **row,
        "companyName": company_name(int(company[-8:])),
        "archived": False,
        "sharedNotificationsPrefs": {"enabled": [], "disabled": ["nps"], "disabledEvents": []},
        "nps": chance.randrange(11),
        "npsDate": _stamp(chance),
        "beatTrend": round(chance.uniform(-9, 9), 1),
        "beats": chance.randrange(900),
        "beatsTotal": chance.randrange(90_000) / 10,
        "convs14": chance.randrange(9),
        "convsTotal": chance.randrange(300),
        "experience": chance.randrange(100),
        "createDate": _stamp(chance),
        "updatedAt": _stamp(chance),
        "lastTouch": _stamp(chance),
        "lastTouchByType": {"email": _stamp(chance), "call": _stamp(chance)},
        "emailMd5": f"{chance.getrandbits(96):024x}{serial}",
        "custom": {**_custom(chance), "Last order": _stamp(chance), "Notes": _text(chance, 18)},
    }


def _upsert(number: int) -> Row:
    chance, _, row = _person(number)
    custom = {
        **_custom(chance),
        "Last order": _stamp(chance),
        "Notes": _text(chance, 40),
        "Open invoices": chance.randrange(9),
        "Usage score": round(chance.random() * 1000, 3),
        "Language": chance.choice(("sv", "en", "de", "日本語")),
        "Plan": chance.choice(("free", "team", "scale")),
        "Login method": chance.choice(("sso", "password")),
        "Summary": _text(chance, 30),
    }
    return {**row, "custom": custom}


def _point(number: int) -> Row:
    chance = random.Random(number)
    company = company_id(number % COMPANIES)
    return {
        "_id": f"65d1f0aa9b2d2000{_HERE}{number:04d}",
        "dimensionId": f"feature_{number // COMPANIES:02d}_logins",
        "time": f"{_TODAY}T00:00:00.000Z",
        "value": chance.randrange(10_000) / 4,
        "model": "Company",
        "parentId": company,
        "companyId": company,
        "companyName": company_name(number % COMPANIES),
    }


def _metric(number: int) -> Row:
    return {
        "dimensionId": f"feature_{number // COMPANIES:02d}_logins",
        "value": f"{_BARE}1{_HERE}{number:04d}{_BARE}",
        "externalId": f"acc-{number % COMPANIES:05d}",
        "model": "Company",
        "date": f"{_TODAY}T00:00:00.000Z",
    }


def _id(number: int) -> str:
    return f"64c1f0aa9b2d0000{_HERE}{number:04d}"


def _keys(number: int) -> Row:
    row = _person(number)[2]
    return {"_id": _id(number), "sourceId": row["sourceId"], "externalId": row["externalId"]}


ENDUSERS = Corpus("endusers as Planhat lists them", b'"emailMd5"', rb'"_id"\s*:\s*"64c1f0aa9b2d0000(\d{8})"', _enduser)
UPSERTS = Corpus("endusers as a warehouse sends them", b'"externalId"', rb'"externalId"\s*:\s*"usr-(\d{8})"', _upsert)
KEYS = Corpus("keys in the answer to an upsert", b'"externalId"', rb'"externalId"\s*:\s*"usr-(\d{8})"', _keys)
IDS = Corpus("ids in the answer to an upsert", b"64c1f0aa9b2d0000", rb'"64c1f0aa9b2d0000(\d{8})"', _id)
POINTS = Corpus("dimension data", b'"parentId"', rb'"_id"\s*:\s*"65d1f0aa9b2d2000(\d{8})"', _point)
METRICS = Corpus("metrics as a warehouse sends them", b'"dimensionId"', rb'"value"\s*:\s*1(\d{8})\b', _metric)
