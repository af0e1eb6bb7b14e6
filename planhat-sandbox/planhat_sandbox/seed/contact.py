"""Generates conversations, tasks, issues, NPS answers, campaigns and workflows."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

from planhat_sandbox.clock import EPOCH, day_number, iso_day
from planhat_sandbox.derived_fields import snippet, time_buckets
from planhat_sandbox.seed import words
from planhat_sandbox.seed.accounts import company_name, company_of, enduser_email, enduser_name, user_name
from planhat_sandbox.seed.custom_fields import custom_of
from planhat_sandbox.seed.row_random import RowRandom, one_in

if TYPE_CHECKING:
    from planhat_sandbox.seed.plan import Plan
    from planhat_sandbox.store import Row

__all__ = ["campaign", "conversation", "issue", "nps", "task", "workflow"]

_TYPES = ("note", "email", "call", "ticket", "chat")
_NPS_OLDEST_DAYS = 900


def _of_company(plan: Plan, index: int) -> Row:
    owner = company_of(plan, index)
    return {"companyId": plan.id("companies", owner), "companyName": company_name(plan, owner)}


def _enduser_of(plan: Plan, company: int, number: int) -> int:
    """One of the endusers of a company."""
    companies, endusers = plan.counts["companies"], plan.counts["endusers"]
    of_company = max(1, (endusers - company + companies - 1) // companies)
    return (company + companies * (number % of_company)) % endusers


def conversation(plan: Plan, index: int) -> Row:
    """A conversation. Its type depends on the index, so that every type exists."""
    rng = RowRandom(plan.seed, "conversation", index)
    kind = _TYPES[(index + index // plan.counts["companies"]) % len(_TYPES)]
    company = company_of(plan, index)
    enduser, user = _enduser_of(plan, company, rng.below(100)), rng.below(plan.counts["users"])
    stamp = plan.stamp("conversations", index)
    day = date.fromisoformat(stamp[:10])
    description = f"<p>{rng.pick(words.SENTENCES)} <b>{rng.pick(words.SENTENCES)}</b></p>"
    row: Row = {
        "type": kind,
        "subject": rng.pick(words.SUBJECTS),
        "description": description,
        "snippet": snippet(description),
        **_of_company(plan, index),
        "date": stamp,
        "createDate": stamp,
        "days": day_number(day),
        "timeBucket": time_buckets(day),
        "users": [{"id": plan.id("users", user), "name": user_name(plan, user), "isOwner": True}],
        "userIds": [plan.id("users", user)],
        "endusers": [{"id": plan.id("endusers", enduser), "name": " ".join(enduser_name(plan, enduser))}],
        "activityTags": [plan.id("other", 30)] if rng.chance(30) else [],
        "tags": [],
        "starred": rng.chance(5),
        "pinned": False,
        "archived": one_in(29, index, 9),
        "isOpen": False,
        "isSeen": rng.chance(50),
        "hasAttachments": False,
        "isCustomType": False,
        "waitsToBeFiltered": False,
        "emailTemplateIds": [],
        "sender": [],
        "history": [],
        "assigneeName": "",
        **custom_of(plan, "conversations", index),
        "__v": 0,
    }
    if not one_in(5, index, 2):
        row |= {"createdAt": stamp, "updatedAt": plan.stamp("conversations", index, rng.below(60))}
    if index % 4:
        row["externalId"] = f"conv-{index + 1}"
    row |= _of_type(plan, row, index, enduser, rng)
    return row


def _of_type(plan: Plan, row: Row, index: int, enduser: int, rng: RowRandom) -> Row:
    kind, stamp = row["type"], row["date"]
    if kind == "email":
        return {"source": "bcc", "numberOfParts": rng.between(1, 9), "numberOfRelevantParts": 1, "outDate": stamp}
    if kind == "call":
        return {"transcript": " ".join(words.SENTENCES), "endDate": stamp}
    if kind == "ticket":
        return {
            "externalId": f"T-{index + 1}",
            "source": "zendesk",
            "subType": "ticket",
            "email": enduser_email(plan, enduser) or "unknown@mail.example",
            "status": rng.pick(words.TICKET_STATUSES),
            "history": [{"status": "open", "time": stamp}],
            "url": f"https://tickets.example/{index + 1}",
            "updateDate": plan.stamp("conversations", index, rng.below(20)),
            "inDate": stamp,
        }
    return {}


def task(plan: Plan, index: int) -> Row:
    """A task or calendar event, open or done. Done ones are archived."""
    rng = RowRandom(plan.seed, "task", index)
    done = index % 3 == 1
    owner = rng.below(plan.counts["users"])
    company = company_of(plan, index)
    enduser = _enduser_of(plan, company, rng.below(100))
    description = f"<p>{rng.pick(words.SENTENCES)}</p>"
    row: Row = {
        "mainType": "event" if index % 5 == 0 else "task",
        "action": rng.pick(words.ACTIONS),
        "description": description,
        "snippet": snippet(description),
        **_of_company(plan, index),
        "ownerId": plan.id("users", owner),
        "ownerName": user_name(plan, owner),
        "status": "Done" if done else "In-progress",
        "isArchived": done,
        "startTime": None if rng.chance(15) else plan.stamp("tasks", index, 2),
        "repeat": rng.pick((None, None, "weekly", "monthly")),
        "noSpecificTime": rng.chance(50),
        "shared": False,
        "overdueNotified": False,
        "activityTags": [],
        "checklist": [{"title": f"Step {step + 1}"} for step in range(rng.below(3))],
        "endusers": [plan.id("endusers", enduser)],
        "users": [plan.id("users", owner)],
        **custom_of(plan, "tasks", index),
        "__v": 0,
    }
    if done:
        row |= {"dateDone": plan.stamp("tasks", index, 9), "doneBy": plan.id("users", owner)}
    if index % 6:
        row |= {"createdAt": plan.stamp("tasks", index), "updatedAt": plan.stamp("tasks", index, rng.below(90))}
    if index % 2:
        row["sourceId"] = f"crm-task-{index + 1}"
    return row


def issue(plan: Plan, index: int) -> Row:
    """A bug or feature request of several companies."""
    rng = RowRandom(plan.seed, "issue", index)
    companies = sorted({company_of(plan, index), rng.below(plan.counts["companies"])})
    enduser = _enduser_of(plan, companies[0], rng.below(100))
    row: Row = {
        "title": rng.pick(words.SUBJECTS),
        "description": rng.pick(words.SENTENCES),
        "companyIds": [plan.id("companies", number) for number in companies],
        "companies": [{"id": plan.id("companies", number), "name": company_name(plan, number)} for number in companies],
        "enduserIds": [plan.id("endusers", enduser)],
        "endusers": [{"id": plan.id("endusers", enduser), "name": " ".join(enduser_name(plan, enduser))}],
        "conversationIds": [],
        "companyMatchingValue": [],
        "source": "jira",
        "sourceUrl": f"https://jira.example/browse/PH-{index + 1}",
        "priority": rng.pick(("Low", "High", None)),
        "status": rng.pick(words.ISSUE_STATUSES),
        "archived": one_in(11, index, 4),
        "mrrCombined": rng.below(10_000) / 7,
        "arrCombined": rng.below(100_000),
        "createdAt": plan.stamp("issues", index),
        "updatedAt": plan.stamp("issues", index, rng.below(200)),
        "followers": [],
        **custom_of(plan, "issues", index),
        "__v": 0,
    }
    if index % 4:
        row["sourceId"] = f"PH-{index + 1}"
    return row


def nps(plan: Plan, index: int) -> Row:
    """An NPS answer. Its date depends on the present day, and some answers are older than the list shows."""
    rng = RowRandom(plan.seed, "nps", index)
    company = company_of(plan, index)
    enduser = _enduser_of(plan, company, index)
    answered = plan.today - (index * 37 % _NPS_OLDEST_DAYS)
    row: Row = {
        "cId": plan.id("companies", company),
        "email": enduser_email(plan, enduser) or "unknown@mail.example",
        "euId": plan.id("endusers", enduser),
        "campaignId": plan.ref("campaigns", index),
        "score": rng.between(0, 10),
        "dateSent": iso_day(answered - rng.between(0, 9)),
        "dateAnswered": iso_day(answered),
        "source": "delighted.example",
        **custom_of(plan, "nps", index),
        "__v": 0,
    }
    if rng.chance(60):
        row["comment"] = rng.pick(words.SENTENCES)
    if index % 2:
        row["sourceId"] = f"nps-{index + 1}"
    return row


def campaign(plan: Plan, index: int) -> Row:
    """A campaign."""
    rng = RowRandom(plan.seed, "campaign", index)
    row: Row = {
        "name": f"{rng.pick(words.PRODUCTS)} push {index + 1}",
        "campaignPurpose": rng.pick(("Upsell", "Adoption", "Nöjdhet")),
        **_of_company(plan, index),
        "usage": {plan.id("other", 1): rng.below(50)},
        **custom_of(plan, "campaigns", index),
        "__v": 0,
    }
    if index % 3:
        row |= {"externalId": f"camp-{index + 1}", "sourceId": f"crm-camp-{index + 1}"}
    return row


def workflow(plan: Plan, index: int) -> Row:
    """A workflow on a company or an enduser."""
    rng = RowRandom(plan.seed, "workflow", index)
    company = company_of(plan, index)
    enduser = _enduser_of(plan, company, rng.below(100))
    on_company = index % 2 == 0
    start = EPOCH + timedelta(days=day_number(plan.created("workflows", index).date()))
    return {
        "name": rng.pick(("QBR", "Onboarding", "Renewal 🔁")),
        "type": rng.pick(("project", "sequence")),
        "status": rng.pick(("active", "done")),
        "owner": plan.ref("users", rng.below(60)),
        **_of_company(plan, index),
        "templateId": plan.id("other", 40 + index % 3),
        "targetModel": "company" if on_company else "enduser",
        "targetId": plan.id("companies", company) if on_company else plan.id("endusers", enduser),
        "targetName": company_name(plan, company) if on_company else " ".join(enduser_name(plan, enduser)),
        "endUserEmail": None if on_company else enduser_email(plan, enduser),
        "startDate": f"{start}T00:00:00.000Z",
        "expectedDays": 30,
        "actualDays": rng.below(60),
        "percentDone": rng.below(1001) / 10,
        "openRate": rng.below(100) / 100,
        "isArchived": one_in(4, index, 3),
        "createdAt": plan.stamp("workflows", index),
        "updatedAt": plan.stamp("workflows", index, rng.below(60)),
        **custom_of(plan, "workflows", index),
    }
