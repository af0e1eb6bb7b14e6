"""The command line: faults end in one line that says what to do, with an exit code that tells them apart."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click
from singer_sdk.exceptions import ConfigurationError as SdkConfigurationError
from singer_sdk.exceptions import DiscoveryError, MappingError, SingerSDKError
from singer_sdk.plugin_base import SingerCommand

from planhat_api.errors import (
    AccessError,
    ConfigurationError,
    CredentialsError,
    NotFoundError,
    PlanhatError,
    RateLimitError,
    UnavailableError,
    UnknownHostError,
)
from planhat_api.logs import make_logs_safe, one_line
from planhat_api.plugin.output import ClosedOutputError, OutputError, flush_output, writing_output
from planhat_api.plugin.process import expect_many_rows

if sys.version_info >= (3, 12):
    from typing import override
else:
    from typing_extensions import override

if TYPE_CHECKING:
    from collections.abc import Mapping


_STANDARD_OUTPUT = 1

FAILED = 1
SETTINGS = 2
CREDENTIALS = 3
UNAVAILABLE = 5
OUTPUT = 7
SIGNALS = 128

_CODES: Mapping[type[Exception], int] = {
    ConfigurationError: SETTINGS,
    NotFoundError: SETTINGS,
    SdkConfigurationError: SETTINGS,
    DiscoveryError: SETTINGS,
    MappingError: SETTINGS,
    CredentialsError: CREDENTIALS,
    AccessError: CREDENTIALS,
    RateLimitError: UNAVAILABLE,
    UnknownHostError: SETTINGS,
    UnavailableError: UNAVAILABLE,
    ClosedOutputError: FAILED,
    OutputError: OUTPUT,
}


class PlanhatCommand(SingerCommand):
    """The command of the tap.

    Exit codes, the same as the target's: 0 all read; 1 a fault; 2 wrong settings or files, or a model that the tenant
    does not have; 3 Planhat does not accept the token, or the token may not read this; 5 Planhat could not be reached,
    kept refusing for load, or answered what cannot be read; 7 its output has no room; 128 and the signal's number when
    a signal ended the run.
    """

    @override
    def main(self, *args: Any, **options: Any) -> Any:
        try:
            try:
                return super().main(*args, **options)
            finally:
                flush_output()
        except (OutputError, PlanhatError, SingerSDKError) as error:
            self.logger.critical("%s", error)
            sys.exit(exit_code(error))
        except SystemExit as end:
            if isinstance(end.code, int) and end.code > SIGNALS:
                self.logger.critical("Stopped by signal %d; the last STATE written stays good", end.code - SIGNALS)
            raise

    @override
    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        make_logs_safe()
        try:
            # Some options print something, and that is all.
            with writing_output():
                return super().parse_args(ctx, args)
        except click.UsageError as error:
            raise click.UsageError(one_line(error.format_message()), error.ctx) from None

    @override
    def invoke(self, ctx: click.Context) -> Any:
        expect_many_rows(_STANDARD_OUTPUT)
        return super().invoke(ctx)


def exit_code(error: Exception) -> int:
    """The exit code an error ends the run with."""
    return next((code for kind, code in _CODES.items() if isinstance(error, kind)), FAILED)
