"""What is sent to set the service up."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from qure.wire.requests import Register
from qure.wire.rules import rule, trimmed

__all__ = ["MakeFirstAdmin"]

SetupCode = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=64,
        extra=rule("Must be the setup code.", trimmed(1)),
        description="In any case, with spaces or hyphens between.",
        examples=["H7KM-2QXT-9WPB"],
    ),
]


class MakeFirstAdmin(Register):
    """The first admin, and the code that `qure serve` shows."""

    code: SetupCode
