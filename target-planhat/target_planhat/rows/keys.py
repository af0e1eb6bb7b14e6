"""Decides which keys a row has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from planhat_api.bulk.existing_keys import UNIQUE_IN_COMPANY
from target_planhat.errors import SettingsError
from target_planhat.rows.mapping import Field

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from planhat_api.models.registry import Model
    from target_planhat.rows.mapping import ColumnPlan
    from target_planhat.settings import StreamSettings

__all__ = ["KeyRule", "key_in", "key_rule", "named_by"]


@dataclass(frozen=True)
class KeyRule:
    """The keys of the rows of a stream.

    Attributes:
        keyables: Keys that are sent, in the order in which Planhat tries them (B58).
        left_out: Keys that are not sent, because Planhat would try them before the key in the settings.
        company: Field of the company. It is part of keys that are unique only within one company (B62).
        needs_key: Whether a row without a key is rejected.
    """

    keyables: tuple[str, ...]
    left_out: frozenset[str]
    company: str | None
    needs_key: bool

    def keys(self, body: Mapping[str, Any]) -> dict[str, str]:
        """The keys of a row."""
        return {name: body[name] for name in self.keyables if body.get(name)}

    def match(self, body: Mapping[str, Any]) -> tuple[str, ...] | None:
        """The key that identifies a row in a batch; None for a row without a key."""
        for name in self.keyables:
            value = body.get(name)
            if value:
                company = body.get(self.company) if self.company and name in UNIQUE_IN_COMPANY else None
                return (name, value, company) if isinstance(company, str) else (name, value)
        return None


def named_by(*fields: str) -> Callable[[str, ColumnPlan], KeyRule]:
    """Gives the rule for rows that Planhat does not match on a key. These fields identify them in messages."""
    rule = KeyRule(fields, frozenset(), None, needs_key=False)
    return lambda _stream, _plan: rule


def key_rule(stream: str, model: Model, plan: ColumnPlan, settings: StreamSettings) -> KeyRule:
    """The key rule of a stream.

    Raises:
        SettingsError: The key in the settings is not a key of the model, or no column leads to a key.
    """
    wanted = settings.key
    if wanted is not None and wanted not in model.keyables:
        msg = f"streams.{stream}.key: {model.name} is matched on {', '.join(model.keyables)}, not on {wanted}"
        raise SettingsError(msg)
    first = model.keyables.index(wanted) if wanted else 0
    usable = tuple(name for name in model.keyables[first:] if Field(name) in plan)
    if wanted is not None and wanted not in usable:
        msg = f"streams.{stream}.key: no column of the stream leads to {wanted}"
        raise SettingsError(msg)
    if not usable and not settings.insert_without_key:
        msg = (
            f"stream {stream!r}: no column leads to a key of {model.name} ({', '.join(model.keyables)}), so every run "
            f"would create all rows again. Name a column in streams.{stream}.columns, or allow it with "
            f"streams.{stream}.insert_without_key."
        )
        raise SettingsError(msg)
    company = (model.company or "").removesuffix("[]") or None
    if wanted is None and company is not None and Field(company) not in plan:
        _check_company(stream, model, usable, company)
    return KeyRule(usable, frozenset(model.keyables[:first]), company, needs_key=not settings.insert_without_key)


def _check_company(stream: str, model: Model, usable: tuple[str, ...], company: str) -> None:
    """Check that endusers have a company: endusers of different companies may have the same external id (B62).

    Raises:
        SettingsError: No column leads to the company, and the external id is the only key.
    """
    only_external = bool(usable) and set(usable) <= UNIQUE_IN_COMPANY
    if model.path == "endusers" and only_external:
        msg = (
            f"stream {stream!r}: an externalId is unique within one company only, and no column leads to {company}. "
            f"Add one, such as company_external_id, or accept it with streams.{stream}.key: externalId."
        )
        raise SettingsError(msg)


def key_in(record: Mapping[str, Any], names: Sequence[str]) -> tuple[str, ...] | None:
    """The key of a record by the key columns of the tap."""
    values = ((name, record.get(name)) for name in names)
    return next(((name, str(value)) for name, value in values if isinstance(value, (str, int, float))), None)
