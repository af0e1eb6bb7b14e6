"""A local imitation of Planhat for tests and trial runs."""

from __future__ import annotations

from planhat_sandbox.faults import Fault, FaultError
from planhat_sandbox.sandbox import Sandbox
from planhat_sandbox.server import Call
from planhat_sandbox.switch_table import SWITCHES, Switch
from planhat_sandbox.switches import SwitchError

__all__ = ["SWITCHES", "Call", "Fault", "FaultError", "Sandbox", "Switch", "SwitchError"]
