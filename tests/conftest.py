"""What holds for every test."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

# Tests start some four hundred commands. Each would compile what it imports, and Meltano imports much.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

# How long generating or running an example takes says more about the machine's other work than about the code.
settings.register_profile("any-machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any-machine")
