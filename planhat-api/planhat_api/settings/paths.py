"""Reads settings that name a file or a folder."""

from __future__ import annotations

from pathlib import Path

from planhat_api.errors import ConfigurationError

__all__ = ["path_in"]


def path_in(setting: str, text: str) -> Path:
    """The path that a setting names; `~` at its beginning is the home folder, as in a shell.

    Raises:
        ConfigurationError: There is no such home folder.
    """
    try:
        return Path(text).expanduser()
    except RuntimeError:
        message = "~ stands for a home folder that is not known; write the whole path"
        raise ConfigurationError(setting=setting, message=message) from None
