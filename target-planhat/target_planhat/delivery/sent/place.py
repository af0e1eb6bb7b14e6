"""Names the file of the delivery ledger, which the runs of one pipeline share."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from planhat_api.settings.paths import cache_folder

if TYPE_CHECKING:
    from collections.abc import Mapping

    from planhat_api import Connection
    from target_planhat.settings import TargetSettings

__all__ = ["ledger_file"]

_DIGITS = 20


def ledger_file(settings: TargetSettings, connection: Connection, digests: Mapping[str, str]) -> Path | None:
    """The file; None if no ledger is kept.

    Args:
        settings: The settings of the target.
        connection: The tenant.
        digests: A digest of each setting that decides what is written.

    Raises:
        ConfigurationError: The home folder is not known.
    """
    if settings.ledger_dir == "":
        return None
    folder = Path(settings.ledger_dir) if settings.ledger_dir else cache_folder() / "planhat"
    tenant = connection.tenant_token or hashlib.sha256(connection.api_token.encode()).hexdigest()
    pipeline = (connection.base_url, connection.analytics_url, tenant, sorted(digests.items()), settings.pipeline)
    name = hashlib.sha256(msgspec.json.encode(pipeline)).hexdigest()[:_DIGITS]
    return folder / f"delivery-{name}.sqlite"
