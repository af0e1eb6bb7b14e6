"""The command line of the target. Errors in it are logged in one line."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click
from singer_sdk.plugin_base import SingerCommand

from planhat_api.errors import ConfigurationError
from planhat_api.logs import make_logs_safe, one_line
from planhat_api.plugin.exit_codes import exit_code
from planhat_api.plugin.files import STANDARD_INPUT, read_settings
from planhat_api.plugin.output import OutputError, flush_output, writing_output
from target_planhat.errors import log_error

if sys.version_info >= (3, 12):
    from typing import override
else:
    from typing_extensions import override

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["TargetCommand", "settings_in"]

_ENVIRONMENT = "ENV"


def settings_in(configs: Sequence[str]) -> tuple[dict[str, Any], bool]:
    """The settings in the files that `--config` names, and whether it names the environment.

    Raises:
        ConfigurationError: A file contains no settings.
    """
    files = [path for path in configs if path != _ENVIRONMENT]
    if STANDARD_INPUT in files:
        message = "standard input is for the records; name a file"
        raise ConfigurationError(setting="--config -", message=message)
    return read_settings(files), len(files) < len(configs)


class TargetCommand(SingerCommand):
    """The command of the target. It makes all log lines safe from the beginning on."""

    @override
    def main(self, args: Sequence[str] | None = None, *rest: Any, **options: Any) -> Any:
        try:
            try:
                return super().main(args, *rest, **options)
            finally:
                flush_output()
        except OutputError as err:
            log_error(err, self.logger)
            sys.exit(exit_code(err))

    @override
    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        make_logs_safe()
        try:
            # Some options only print something.
            with writing_output():
                return super().parse_args(ctx, args)
        except click.UsageError as err:
            raise click.UsageError(one_line(err.format_message()), err.ctx) from None
        except ConfigurationError as err:
            # The settings files are read here.
            log_error(err, self.logger)
            ctx.exit(exit_code(err))
