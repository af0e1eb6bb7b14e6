"""The command ``planhat-sandbox``."""

from __future__ import annotations

import argparse
import json
import shlex
import signal
import sys
from datetime import date
from importlib.metadata import version
from threading import Event
from typing import TYPE_CHECKING

from planhat_sandbox.faults import Fault, FaultError
from planhat_sandbox.markdown_tables import fault_table, switch_table
from planhat_sandbox.sandbox import API_TOKEN, TENANT_TOKEN, Sandbox
from planhat_sandbox.switches import SwitchError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the tables, or serve until SIGTERM or SIGINT. Returns the exit code."""
    options = _parser().parse_args(arguments)
    if options.command == "tables":
        sys.stdout.write(f"{switch_table()}\n\n{fault_table()}\n")
        return 0
    try:
        box = _sandbox(options)
    except (FaultError, SwitchError, ValueError, OSError) as error:
        sys.stderr.write(f"planhat-sandbox: {error}\n")
        return 2
    stop = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    with box:
        sys.stdout.write(_ready(box))
        sys.stdout.flush()
        stop.wait()
    return 0


def _sandbox(options: argparse.Namespace) -> Sandbox:
    switches = dict(_switch(text) for text in options.switch)
    if options.calls_per_minute is not None:
        switches["calls_per_minute"] = str(options.calls_per_minute)
    faults = [Fault.read(json.loads(text)) for text in options.fault]
    if options.latency_ms:
        faults.append(Fault("latency", seconds=options.latency_ms / 1000))
    return Sandbox(
        companies=options.companies,
        seed=options.seed,
        endusers=options.endusers,
        days=options.days,
        host=options.host,
        port=options.port,
        api_token=options.api_token,
        tenant_token=options.tenant_token,
        today=options.today,
        frozen=options.frozen,
        switches=switches,
        faults=faults,
    )


def _ready(box: Sandbox) -> str:
    """The message when the sandbox is ready: its addresses, and the settings of tap and target for it.

    The settings are lines that a user can copy into a shell. The tokens are no secrets, because only this sandbox
    accepts them.
    """
    main = {"API_TOKEN": box.api_token, "BASE_URL": box.url}
    analytics = {"TENANT_TOKEN": box.tenant_token, "ANALYTICS_URL": box.analytics_url}
    return "".join(
        (
            f"planhat-sandbox ready: {box.url} (analytics: {box.analytics_url})\n",
            "Settings of tap-planhat and target-planhat for it:\n",
            _export("TAP_PLANHAT", main),
            # The sandbox processes points at once, so nothing has to wait for them.
            _export("TARGET_PLANHAT", {**main, "LANDING_SECONDS": "1"}),
            _export("TARGET_PLANHAT", analytics),
        )
    )


def _export(plugin: str, settings: Mapping[str, str]) -> str:
    """A shell command that sets these settings of a plugin."""
    return f"export {' '.join(f'{plugin}_{name}={shlex.quote(value)}' for name, value in settings.items())}\n"


def _switch(text: str) -> tuple[str, str]:
    name, equals, position = text.partition("=")
    if not equals:
        message = f"--switch takes name=position, not {text!r}"
        raise SwitchError(message)
    return name, position


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="planhat-sandbox", description="A local imitation of Planhat.")
    parser.add_argument("--version", action="version", version=f"%(prog)s v{version('planhat-sandbox')}")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("tables", help="print the tables of switches and faults")
    serve = commands.add_parser("serve", help="serve a seeded tenant on loopback")
    serve.add_argument("--port", type=int, default=0, help="port to listen on; 0 picks a free one (default)")
    serve.add_argument("--host", default="127.0.0.1", help="address to listen on (default: 127.0.0.1)")
    serve.add_argument("--companies", type=int, default=50, help="number of companies (default: 50)")
    serve.add_argument("--endusers", type=int, help="number of endusers (default: 10 for each company)")
    serve.add_argument("--days", type=int, default=60, help="days of metrics before today (default: 60)")
    serve.add_argument("--seed", type=int, default=1, help="equal seeds make equal tenants (default: 1)")
    serve.add_argument("--today", type=date.fromisoformat, help="the present day of the tenant (default: the real one)")
    serve.add_argument("--frozen", action="store_true", help="let the clock of the tenant move only by request")
    serve.add_argument("--api-token", default=API_TOKEN, help=f"token of the main API (default: {API_TOKEN})")
    serve.add_argument("--tenant-token", default=TENANT_TOKEN, help=f"tenant UUID (default: {TENANT_TOKEN})")
    serve.add_argument("--calls-per-minute", type=int, help="quota of the main API; 0 for no quota (default: 200)")
    serve.add_argument("--latency-ms", type=float, default=0, help="wait before each answer")
    serve.add_argument("--switch", action="append", default=[], metavar="NAME=POSITION", help="set a switch")
    serve.add_argument("--fault", action="append", default=[], metavar="JSON", help="add a fault")
    return parser


if __name__ == "__main__":
    sys.exit(main())
