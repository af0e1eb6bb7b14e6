"""Generates companies, endusers and users."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from planhat_sandbox.seed import words
from planhat_sandbox.seed.custom_fields import custom_of
from planhat_sandbox.seed.row_random import RowRandom, one_in

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from planhat_sandbox.seed.plan import Plan
    from planhat_sandbox.store import Row, Value

__all__ = [
    "company",
    "company_columns",
    "company_name",
    "company_of",
    "enduser",
    "enduser_columns",
    "enduser_name",
    "user",
    "user_name",
]


def company_of(plan: Plan, index: int) -> int:
    """The company of a row with this index."""
    return index % plan.counts["companies"]


def company_name(plan: Plan, index: int) -> str:
    """The name of a company."""
    rng = RowRandom(plan.seed, "company name", index)
    return f"{rng.pick(words.COMPANY_NAMES)} {rng.pick(words.COMPANY_FORMS)} {index + 1}"


def company_keys(index: int) -> Row:
    """The keys of a company; some have no key, some have an empty one."""
    keys: Row = {}
    if one_in(23, index, 17):
        keys["externalId"] = ""
    elif not one_in(23, index, 11):
        keys["externalId"] = f"C-{index + 1:05d}"
    if index % 3:
        keys["sourceId"] = f"crm-{index + 1:05d}"
    return keys


def domain(index: int) -> str:
    """The mail domain of a company."""
    return f"company{index + 1}.example"


def company(plan: Plan, index: int) -> Row:
    """A company without the licenses and sales in it."""
    rng = RowRandom(plan.seed, "company", index)
    mrr = rng.below(900_000) / 100
    owner, co_owner = plan.ref("users", rng.below(60)), plan.ref("users", rng.below(60))
    row: Row = {
        "name": company_name(plan, index),
        **company_keys(index),
        "owner": None if rng.chance(5) else owner,
        "coOwner": None if rng.chance(60) else co_owner,
        "phase": rng.pick(words.PHASES),
        "status": rng.pick(words.STATUSES),
        "domains": _domains(index),
        "h": rng.between(0, 10),
        "csmScore": rng.between(1, 5),
        "mr": mrr,
        "mrr": mrr,
        "arr": mrr * 12,
        "nrr30": rng.pick((0, 0, 250.5, 1200)),
        "description": f"<p>{rng.pick(words.SENTENCES)}</p>",
        "country": rng.pick(words.COUNTRIES),
        "city": rng.pick(words.CITIES),
        "web": f"https://{domain(index)}",
        "tags": rng.some(words.TAGS, 3),
        "products": rng.some(words.PRODUCTS, 3),
        "followers": [owner],
        "customerFrom": plan.stamp("companies", index, 10),
        "createDate": plan.stamp("companies", index),
        "lastUpdated": _updated(plan, "companies", index, rng),
        "updatedAt": _updated(plan, "companies", index, RowRandom(plan.seed, "updated", index)),
        "lastTouch": plan.stamp("companies", index, 40),
        "lastTouchType": rng.pick(("note", "email", "call")),
        "lastTouchByType": {"note": plan.stamp("companies", index, 40)},
        "nextTouch": plan.stamp("companies", index, 400),
        "phaseSince": plan.stamp("companies", index, rng.below(300)),
        "csmScoreLog": [{"date": plan.stamp("companies", index, 20), "score": rng.between(1, 5)}],
        "usage": {plan.id("other", 1): rng.below(100)},
        "features": {},
        "sunits": {},
        "shareable": {"team": {"fields": []}, "enabled": False, "euIds": [], "sunits": False},
        "orgLevel": 0,
        "orgUnits": 1,
        "renewalDaysFromNow": rng.between(-30, 365),
        **custom_of(plan, "companies", index),
        "__v": 0,
    }
    if one_in(7, index, 3):
        root = plan.ref("companies", index - 3)
        row |= {"orgRootId": root, "orgPath": root, "orgLevel": 1}
    return row


def company_columns(plan: Plan) -> Mapping[str, Callable[[int], Value]]:
    """Fields of companies that can be generated without the whole row."""
    return {
        "name": lambda index: company_name(plan, index),
        "externalId": lambda index: company_keys(index).get("externalId"),
        "sourceId": lambda index: company_keys(index).get("sourceId"),
        "domains": _domains,
    }


def _domains(index: int) -> list[str]:
    return [domain(index)] if index % 2 else [domain(index), f"mail.{domain(index)}"]


def _updated(plan: Plan, path: str, index: int, rng: RowRandom) -> str:
    """When a row changed. Rows of an import have the same time."""
    return plan.stamp(path, 0, 1_100) if index % 10 == 0 else plan.stamp(path, index, rng.below(900_000) / 10_000)


def enduser_name(plan: Plan, index: int) -> tuple[str, str]:
    """First and last name."""
    rng = RowRandom(plan.seed, "enduser name", index)
    return rng.pick(words.FIRST_NAMES), rng.pick(words.LAST_NAMES)


def enduser_email(plan: Plan, index: int) -> str | None:
    """The email address. A few endusers have none, a few have the address of the row before (B62)."""
    if one_in(61, index, 7):
        return None
    number = index - 1 if one_in(97, index, 13) else index
    return f"user{number + 1}@{domain(company_of(plan, number))}"


def enduser_external_id(plan: Plan, index: int) -> str | None:
    """The external id. A few endusers have none, a few have that of the next row, in another company (B62)."""
    if one_in(19, index, 11):
        return None
    shared = one_in(89, index, 41) and plan.counts["companies"] > 1
    return f"U-{(index + 1 if shared else index) + 1:06d}"


def enduser_source_id(index: int) -> str | None:
    """The id in the CRM, which two out of three endusers have."""
    return f"crm-u-{index + 1:06d}" if index % 3 else None


def enduser_archived(index: int) -> bool:
    """Whether the enduser is archived."""
    return one_in(17, index, 5)


def enduser(plan: Plan, index: int) -> Row:
    """An enduser."""
    rng = RowRandom(plan.seed, "enduser", index)
    first, last = enduser_name(plan, index)
    owner = company_of(plan, index)
    email = enduser_email(plan, index)
    created = plan.stamp("endusers", index)
    keys = {"email": email, "externalId": enduser_external_id(plan, index), "sourceId": enduser_source_id(index)}
    row: Row = {
        "firstName": first,
        "lastName": last,
        "name": f"{first} {last}",
        **{name: value for name, value in keys.items() if value is not None},
        "companyId": plan.id("companies", owner),
        "companyName": company_name(plan, owner),
        "position": rng.pick(words.POSITIONS),
        "phone": None if rng.chance(20) else f"+49 89 {rng.between(100_000, 999_999)}",
        "tags": rng.some(words.TAGS, 2),
        "featured": rng.chance(10),
        "primary": rng.chance(10),
        "archived": enduser_archived(index),
        "otherEmails": [f"private{index}@mail.example"] if rng.chance(15) else [],
        "npsUnsubscribed": rng.chance(5),
        "beatTrend": (rng.below(200) - 100) / 10,
        "beats": rng.below(100),
        "beatsTotal": rng.below(10_000) / 3,
        "convs14": rng.below(4),
        "convsTotal": rng.below(60),
        "experience": rng.below(100),
        "relatedEndusers": [],
        "lastActivities": [],
        "lastTouch": plan.stamp("endusers", index, 12) if rng.chance(50) else None,
        "createDate": created,
        "createdAt": created,
        "updatedAt": _updated(plan, "endusers", index, rng),
        **custom_of(plan, "endusers", index),
        "__v": 0,
    }
    if email:
        row["emailMd5"] = hashlib.md5(email.encode(), usedforsecurity=False).hexdigest()
    return row


def enduser_columns(plan: Plan) -> Mapping[str, Callable[[int], Value]]:
    """Fields of endusers that can be generated without the whole row."""
    return {
        "archived": enduser_archived,
        "companyId": lambda index: plan.id("companies", company_of(plan, index)),
        "email": lambda index: enduser_email(plan, index),
        "externalId": lambda index: enduser_external_id(plan, index),
        "sourceId": enduser_source_id,
        "name": lambda index: " ".join(enduser_name(plan, index)),
    }


def user_name(plan: Plan, index: int) -> str:
    """The nickname of a user."""
    return f"{RowRandom(plan.seed, 'user', index).pick(words.FIRST_NAMES)} {index + 1}"


def user(plan: Plan, index: int) -> Row:
    """A member of the team."""
    rng = RowRandom(plan.seed, "user", index)
    first = rng.pick(words.FIRST_NAMES)
    row: Row = {
        "nickName": user_name(plan, index),
        "firstName": first,
        "lastName": rng.pick(("", *words.LAST_NAMES)),
        "email": f"csm{index + 1}@planhat.example",
        "image": {"path": f"/avatars/{index}.png"},
        "isHidden": False,
        "removed": one_in(11, index, 10),
        "inactive": rng.chance(15),
        "managers": [plan.id("users", 0)] if index else [],
        "teams": [plan.id("other", 10 + index % 3)],
        "isExposedAsSenderOption": rng.chance(50),
        "roles": [plan.id("other", 20)],
        "permissions": {"admin": index == 0, "developer": rng.chance(20)},
        "radarOneLine": False,
        "compressedView": rng.chance(50),
        "taskFilter": '{"status":["In-progress"],"ownerId":"me"}',
        "companyFilter": "",
        "workflowFilter": "",
        "defaultMeetingLength": 60,
        "tzOffset": rng.between(-8, 9),
        "dailyDigest": True,
        "lastDailyDigest": 19_850,
        "accountAccess": "all accounts",
        "type": "user",
        "createDate": plan.stamp("users", index),
        "createdAt": plan.stamp("users", index),
        "updatedAt": _updated(plan, "users", index, rng),
        **custom_of(plan, "users", index),
        "__v": 0,
    }
    if index % 3:
        row["externalId"] = f"hr-{index + 1}"
    return row
