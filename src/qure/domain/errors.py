"""What the domain says no with.

Each class is a *kind* of refusal; the kind decides how an entrypoint answers (HTTP status,
acknowledgement), the ``code`` is the stable word a program may rely on, and the message is a
sentence for a person.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FieldError:
    """One bad field: its path as the client wrote it, and a sentence."""

    path: str
    message: str


class DomainError(Exception):
    """A refusal that changed nothing. ``code`` is stable, ``message`` is for a person."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class Invalid(DomainError):
    """The input is malformed; ``errors`` lists every bad field."""

    def __init__(
        self,
        errors: Sequence[FieldError],
        *,
        code: str = "validation_failed",
        message: str = "Some fields are not valid.",
    ) -> None:
        super().__init__(code, message)
        self.errors = tuple(errors)

    @classmethod
    def field(cls, path: str, message: str) -> Invalid:
        """An error about one field."""
        return cls([FieldError(path, message)])


class Unauthenticated(DomainError):
    """Nobody, or nobody we can believe, is asking."""


class Forbidden(DomainError):
    """We know who asks, and they may not."""


class NotFound(DomainError):
    """There is no such thing."""


class Conflict(DomainError):
    """A rule of the domain says no to a well-formed request."""


class TooManyTries(DomainError):
    """Slow down; ``retry_after`` is in whole seconds, at least 1."""

    def __init__(self, message: str, *, retry_after: int) -> None:
        super().__init__("too_many_tries", message)
        self.retry_after = max(1, retry_after)


class Unavailable(DomainError):
    """Something we need is away or busy; ``retry_after`` is in whole seconds, at least 1."""

    def __init__(
        self, message: str, *, code: str = "service_unavailable", retry_after: int = 1
    ) -> None:
        super().__init__(code, message)
        self.retry_after = max(1, retry_after)
