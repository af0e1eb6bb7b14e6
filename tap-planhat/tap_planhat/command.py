"""The command ``tap-planhat``: each error ends in one line that says what to do, and in its own exit code."""

from __future__ import annotations

import sys
from typing import Any

import click
from singer_sdk.exceptions import SingerSDKError
from singer_sdk.plugin_base import SingerCommand

from planhat_api.errors import PlanhatError
from planhat_api.logs import make_logs_safe, one_line
from planhat_api.plugin.exit_codes import SIGNALS, exit_code
from planhat_api.plugin.output import OutputError, flush_output, writing_output
from planhat_api.plugin.process_tuning import tune_for_many_rows

if sys.version_info >= (3, 12):
    from typing import override
else:
    from typing_extensions import override

_STANDARD_OUTPUT = 1


class PlanhatCommand(SingerCommand):
    """The command of the tap. Its exit codes are those of ``planhat_api.plugin.exit_codes``."""

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
                self.logger.critical("Stopped by signal %d; the last STATE written is still valid", end.code - SIGNALS)
            raise

    @override
    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        make_logs_safe()
        try:
            # An option such as --version prints its text here and ends the command.
            with writing_output():
                return super().parse_args(ctx, args)
        except click.UsageError as error:
            raise click.UsageError(one_line(error.format_message()), error.ctx) from None

    @override
    def invoke(self, ctx: click.Context) -> Any:
        tune_for_many_rows(_STANDARD_OUTPUT)
        return super().invoke(ctx)
