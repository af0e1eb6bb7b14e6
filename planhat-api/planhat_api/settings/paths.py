"""Reads settings that name a file or a folder."""

from __future__ import annotations

import os
from pathlib import Path

from planhat_api.errors import ConfigurationError

__all__ = ["cache_folder", "path_in"]


def path_in(setting: str, text: str) -> Path:
    """The path that a setting names; `~` at its beginning is the home folder, as in a shell.

    Raises:
        ConfigurationError: There is no such home folder, or the text is no path.
    """
    if "\0" in text:
        raise ConfigurationError(setting=setting, message="holds a character that no path can have")
    try:
        return Path(text).expanduser()
    except RuntimeError:
        message = "~ stands for a home folder that is not known; write the whole path"
        raise ConfigurationError(setting=setting, message=message) from None


def cache_folder() -> Path:
    """The user's folder for files that a program may lose.

    Raises:
        ConfigurationError: The home folder is not known.
    """
    named = os.environ.get("XDG_CACHE_HOME") or os.environ.get("LOCALAPPDATA")
    return Path(named) if named else path_in("XDG_CACHE_HOME", "~") / ".cache"
