"""Makes the tables of switches and faults in the README."""

from __future__ import annotations

from planhat_sandbox.faults import KINDS
from planhat_sandbox.switch_table import SWITCHES, Switch

__all__ = ["fault_table", "switch_table"]


def switch_table() -> str:
    """Every switch with its positions, the default first, as Markdown."""
    lines = ["| switch | positions (default first) | decides | facts |", "|---|---|---|---|"]
    lines += [f"| `{s.name}` | {_positions(s)} | {s.meaning} | {s.facts} |" for s in SWITCHES.values()]
    return "\n".join(lines)


def _positions(switch: Switch) -> str:
    if switch.kind == "text":
        return "text, empty"
    if switch.kind == "number":
        return f"a number, {switch.default}"
    if switch.kind == "span":
        return f"a number or a range such as `0-600`, {switch.default}"
    others = [position for position in switch.positions if position != switch.default]
    return ", ".join(f"`{position}`" for position in (switch.default, *others))


def fault_table() -> str:
    """Every kind of fault, as Markdown."""
    return "\n".join(
        ["| kind | what happens |", "|---|---|", *(f"| `{kind}` | {text} |" for kind, text in KINDS.items())]
    )
