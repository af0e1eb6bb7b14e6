"""A client for Planhat's REST API, with every model described as data."""

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
    TemporaryFileError,
    UnavailableError,
    UnknownHostError,
)
from planhat_api.lists.page import Page
from planhat_api.outcome import Outcome, OutcomeKind, SendResult
from planhat_api.row import Row
from planhat_api.settings.connection import Connection
from planhat_api.timing.deadline import Deadline

__all__ = [
    "AccessError",
    "AnswerTooLargeError",
    "ConfigurationError",
    "Connection",
    "CredentialsError",
    "Deadline",
    "NotFoundError",
    "Outcome",
    "OutcomeKind",
    "Page",
    "PayloadError",
    "PlanhatClient",
    "PlanhatError",
    "RateLimitError",
    "Row",
    "SendResult",
    "TemporaryFileError",
    "UnavailableError",
    "UnknownHostError",
]
