"""What holds for every test."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

# How long generating or running an example takes says more about the machine's other work than about the code.
settings.register_profile("any-machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any-machine")
