"""The errors of the client. There is one class for each way in which a caller can react.

No message contains a token. Texts from answers are shortened and redacted before they become part of a message.
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
    "TemporaryFileError",
    "UnavailableError",
    "UnknownHostError",
]


class PlanhatError(Exception):
    """Base class of all errors of this package.

    Attributes:
        status: HTTP status of the answer; None if there was none.
        detail: The text of the answer, shortened and redacted; empty if there was none.
    """

    def __init__(self, message: str, *, status: int | None = None, detail: str = "") -> None:
        """Take the message and the parts of the answer."""
        super().__init__(message)
        self.status = status
        self.detail = detail


class ConfigurationError(PlanhatError):
    """A setting or an argument is wrong; nothing was sent.

    Attributes:
        setting: Name of the wrong setting.
    """

    def __init__(self, setting: str, message: str) -> None:
        """Take the name of the setting, and a message without secrets that says what is wrong and what is right."""
        super().__init__(f"{setting}: {message}")
        self.setting = setting


class CredentialsError(PlanhatError):
    """Planhat does not accept the token on this host (401, B3, B74)."""


class AccessError(PlanhatError):
    """The token is valid but may not do this (403, B6, B39)."""


class NotFoundError(PlanhatError):
    """There is no such record, or the tenant does not have this model (404, B39, B74)."""


class RateLimitError(PlanhatError):
    """Planhat answered 429 until the client gave up (B11, Q6)."""


class UnavailableError(PlanhatError):
    """A call failed for good, because retries did not help or were not safe.

    Attributes:
        may_have_arrived: Whether Planhat may have stored what was sent, so that sending it again may duplicate it.
        reached_planhat: Whether the call may have reached Planhat at all.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        detail: str = "",
        may_have_arrived: bool = False,
        reached_planhat: bool = False,
    ) -> None:
        """Take the message, the parts of the answer, and whether what was sent may have arrived."""
        super().__init__(message, status=status, detail=detail)
        self.may_have_arrived = may_have_arrived
        self.reached_planhat = reached_planhat


class AnswerTooLargeError(UnavailableError):
    """Planhat's answer is larger than the client's limit; request smaller pages or fewer fields."""


class UnknownHostError(UnavailableError):
    """There is no host with the name in the settings; nothing was sent."""


class PayloadError(PlanhatError):
    """Planhat refuses what was sent (400, 413, 422 and similar)."""


class TemporaryFileError(PlanhatError):
    """A private temporary file cannot be written or read, for example because the disk is full."""
