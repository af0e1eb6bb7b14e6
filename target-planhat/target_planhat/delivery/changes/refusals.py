"""Finds rows of a plan that Planhat would surely reject, because a field or their company is missing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from msgspec.structs import replace

from planhat_api.lists.companies import domain_of
from target_planhat.plan.decision import Verdict
from target_planhat.plan.plan import references_to

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from planhat_api.models.registry import Model
    from target_planhat.plan.decision import Decision
    from target_planhat.plan.plan import Plan
    from target_planhat.tenant.tenant import Tenant

__all__ = ["Refusals"]

_UNSURE_FIELDS = {"users": {"nickName": "it is not known whether a new user needs nickName (B93)"}}
_BY_EXTERNAL_ID = "companyExternalId"
_AFTER_COMPANY = "after its company, which the plan creates"
_decode = msgspec.json.Decoder(dict[str, Any]).decode


class Refusals:
    """What Planhat would reject. Companies that the plan creates count as there."""

    def __init__(self, tenant: Tenant, plan: Plan) -> None:
        """Start without planned companies.

        Args:
            tenant: Reads companies.
            plan: Knows the companies that it deletes.
        """
        self._tenant = tenant
        self._plan = plan
        self._planned: set[str] = set()
        self._planned_domains: set[str] = set()

    def note_planned(self, model: Model, decisions: Sequence[Decision]) -> None:
        """Note the companies that the plan creates."""
        if model.path != "companies":
            return
        for decision in decisions:
            if decision.verdict is Verdict.CREATE and decision.row is not None:
                body = _decode(decision.row.body)
                references = references_to(body)
                self._planned |= set(references)
                if references:
                    self._tenant.destination.note_planned_company(references)
                domains = body.get("domains") or ()
                self._planned_domains |= {domain_of(domain) for domain in domains if isinstance(domain, str)}

    def checked(self, model: Model, decision: Decision) -> Decision:
        """The decision, or that Planhat would reject the row."""
        if decision.row is None or decision.verdict not in {Verdict.CREATE, Verdict.UPDATE}:
            return self._checked_for_company(model, decision)
        body = _decode(decision.row.body)
        if decision.verdict is Verdict.CREATE:
            missing = list(self._missing(model, body))
            if missing and model.open_on_update:
                reason = f"it is not known what a new {model.name} needs, and this one lacks {', '.join(missing)} (Q28)"
                return replace(decision, verdict=Verdict.AMBIGUOUS, reason=reason)
            if missing:
                unsure = _UNSURE_FIELDS.get(model.path, {})
                if set(missing) <= unsure.keys():
                    return replace(decision, verdict=Verdict.AMBIGUOUS, reason=unsure[missing[0]])
                return _rejected(decision, f"a new {model.name} needs {', '.join(missing)} (B58)")
        beyond = [name for name, value in body.items() if _is_beyond(value, model.properties.get(name, {}))]
        if beyond:
            return _rejected(decision, f"{', '.join(beyond)}: out of the range that Planhat accepts")
        return self._with_company(model, decision, body)

    def _checked_for_company(self, model: Model, decision: Decision) -> Decision:
        """The decision about a row with an unsure match. If its company does not exist, it is rejected all the same."""
        if decision.row is None or decision.verdict is not Verdict.AMBIGUOUS or model.company_lookup is not None:
            return decision
        body = _decode(decision.row.body)
        if self._plan.deleted_companies.intersection(_companies_of(model, body)):
            return decision
        return self._with_company(model, decision, body)

    def _missing(self, model: Model, body: Mapping[str, Any]) -> Iterator[str]:
        """The fields that a new record needs and the row lacks."""
        yield from (name for name in model.required if body.get(name) in (None, ""))
        groups = model.required_any
        if groups and not any(all(body.get(name) not in (None, "") for name in group) for group in groups):
            yield " or ".join(" and ".join(group) for group in groups)
        custom = body.get("custom") or {}
        for name in self._tenant.custom_fields.mandatory(model):
            if custom.get(name) in (None, ""):
                yield f"custom.{name}"

    def _with_company(self, model: Model, decision: Decision, body: Mapping[str, Any]) -> Decision:
        lookup = model.company_lookup
        named = list(_companies_of(model, body))
        if not named:
            if lookup is None or decision.verdict is not Verdict.CREATE:
                return decision
            return self._by_domain(decision, body.get(lookup.address))
        unknown = [reference for reference in named if reference not in self._planned]
        absent = self._tenant.client.companies.absent(unknown) if unknown else set()
        absent |= self._plan.deleted_companies.intersection(unknown)
        if absent and (lookup is not None or model.open_on_update):
            question = "Q24" if lookup is not None else "Q28"
            reason = f"it is not known what a company that does not exist does to a {model.name} ({question})"
            return replace(decision, verdict=Verdict.AMBIGUOUS, reason=reason)
        if absent:
            return replace(_rejected(decision, f"there is no company {min(absent)}"), may_pass_later=True)
        if len(unknown) < len(named) and decision.verdict is Verdict.CREATE:
            return replace(decision, reason=_AFTER_COMPANY)
        return decision

    def _by_domain(self, decision: Decision, address: object) -> Decision:
        """A new person that names no company: the domain of the address decides (B89)."""
        domain = domain_of(address) if isinstance(address, str) and "@" in address else ""
        if domain in self._planned_domains:
            return replace(decision, reason=_AFTER_COMPANY)
        if domain and self._tenant.client.companies.owns_domain(domain):
            return decision
        reason = "it names no company, and no company has the domain of its address, so Planhat would ignore it (B89)"
        return replace(_rejected(decision, reason), may_pass_later=True)


def _is_beyond(value: object, schema: Mapping[str, Any]) -> bool:
    """Whether a number is not in the range of its field."""
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        return False
    return not schema.get("minimum", value) <= value <= schema.get("maximum", value)


def _rejected(decision: Decision, reason: str) -> Decision:
    return replace(decision, verdict=Verdict.REJECTED, row=None, before={}, reason=reason)


def _companies_of(model: Model, body: Mapping[str, Any]) -> Iterator[str]:
    """References to the companies of a row (B22)."""
    if model.path == "companies" or model.company is None:
        return
    fields = model.company_lookup.fields if model.company_lookup else (model.company.removesuffix("[]"),)
    for name in fields:
        value = body.get(name)
        values = value if isinstance(value, list) else [value]
        for found in values:
            if found:
                yield f"extid-{found}" if name == _BY_EXTERNAL_ID else str(found)
