"""Planhat's REST API: every model as data, and one careful HTTP client."""

from planhat_api.client import PlanhatClient
from planhat_api.errors import (
    AccessError,
    AnswerTooLargeError,
    ConfigurationError,
    CredentialsError,
    NotFoundError,
    PayloadError,
    PlanhatError,
    RateLimitError,
    UnavailableError,
    UnknownHostError,
)
from planhat_api.http.patience import Patience
from planhat_api.lists.page import Page
from planhat_api.outcome import Fate, Outcome, SendResult
from planhat_api.row import Row
from planhat_api.settings.connection import Connection

__all__ = [
    "AccessError",
    "AnswerTooLargeError",
    "ConfigurationError",
    "Connection",
    "CredentialsError",
    "Fate",
    "NotFoundError",
    "Outcome",
    "Page",
    "Patience",
    "PayloadError",
    "PlanhatClient",
    "PlanhatError",
    "RateLimitError",
    "Row",
    "SendResult",
    "UnavailableError",
    "UnknownHostError",
]
