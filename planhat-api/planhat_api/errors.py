"""The errors a caller of the client can meet, sorted by what the caller can do about them.

No text in here holds a token, and texts quoted from answers are shortened and redacted before they get here.
"""

from __future__ import annotations

__all__ = [
    "AccessError",
    "AnswerTooLargeError",
    "ConfigurationError",
    "CredentialsError",
    "NotFoundError",
    "PayloadError",
    "PlanhatError",
    "RateLimitError",
    "UnavailableError",
    "UnknownHostError",
]


class PlanhatError(Exception):
    """Base of all errors of this package.

    Attributes:
        status: HTTP status of the answer; None when there was none.
        detail: What Planhat said, shortened and redacted; empty when it said nothing.
    """

    def __init__(self, message: str, *, status: int | None = None, detail: str = "") -> None:
        """Takes the text for people, and what the answer held."""
        super().__init__(message)
        self.status = status
        self.detail = detail


class ConfigurationError(PlanhatError):
    """A setting or an argument is wrong; nothing was sent.

    Attributes:
        setting: Name of the setting at fault.
    """

    def __init__(self, setting: str, message: str) -> None:
        """Takes the setting at fault, and what is wrong with it, and would be right, without a secret."""
        super().__init__(f"{setting}: {message}")
        self.setting = setting


class CredentialsError(PlanhatError):
    """Planhat does not accept the token on this host (401, B3, B74)."""


class AccessError(PlanhatError):
    """The token is good but may not do this (403, B6, B39)."""


class NotFoundError(PlanhatError):
    """No such record, or the tenant has no such model (404, B39, B74)."""


class RateLimitError(PlanhatError):
    """Planhat kept answering 429 until the client gave up (B11, Q6)."""


class UnavailableError(PlanhatError):
    """A fault that repeating did not cure, or that may not be repeated.

    Attributes:
        may_have_arrived: Planhat may have taken what was sent without saying so; sending it again may double it.
    """

    def __init__(
        self, message: str, *, status: int | None = None, detail: str = "", may_have_arrived: bool = False
    ) -> None:
        """Takes the text for people, what the answer held, and whether what was sent may have arrived."""
        super().__init__(message, status=status, detail=detail)
        self.may_have_arrived = may_have_arrived


class AnswerTooLargeError(UnavailableError):
    """Planhat's answer is larger than this client takes in; ask for less: a smaller page, fewer fields."""


class UnknownHostError(UnavailableError):
    """No host has the name that the settings give; nothing was sent."""


class PayloadError(PlanhatError):
    """Planhat refuses what was sent (400, 413, 422 and the like)."""
