"""What holds for every test."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    import pytest

# Tests start some four hundred commands. Each would compile what it imports, and Meltano imports much.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

# How long generating or running an example takes says more about the machine's other work than about the code.
settings.register_profile("any-machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
# The gate has to say the same of the same commit each time. Everywhere else, each run tries other examples.
settings.register_profile("gate", parent=settings.get_profile("any-machine"), derandomize=True)
settings.load_profile("gate" if os.environ.get("REPEATABLE_TESTS") else "any-machine")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The files whose tests take longest come first, so that no process is left with one of them in the end."""
    items.sort(key=lambda item: "end_to_end" not in item.path.parts)
