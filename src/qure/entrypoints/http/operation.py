"""What a route says of itself: one description that the router and the documentation share."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from qure.entrypoints.http.bearer import PUBLIC
from qure.wire.parsing import Fields

OPERATION = "operation"
"""Where a route's ``opt`` keeps its description."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One call of the API.

    ``answer`` is the type of ``data``, ``example`` a sample of it. ``body`` and ``query`` are
    what is read from the request, ``pictures`` the file fields of its multipart form.
    ``refusals`` are the codes of its own, by status; what every call may answer is not listed.
    What is not ``enveloped`` is answered as it is, also by a refusal without codes.
    """

    id: str
    summary: str
    tag: str
    message: str
    description: str
    answer: Any
    example: Any
    status: int
    body: type[Fields] | None
    body_optional: bool
    pictures: Mapping[str, int]
    query: type[Fields] | None
    refusals: Mapping[int, tuple[str, ...]]
    public: bool
    enveloped: bool


def operation(
    id: str,
    summary: str,
    *,
    tag: str,
    message: str,
    description: str = "",
    answer: Any = None,
    example: Any = None,
    status: int = 200,
    body: type[Fields] | None = None,
    body_optional: bool = False,
    pictures: Mapping[str, int] | None = None,
    query: type[Fields] | None = None,
    refusals: Mapping[int, tuple[str, ...]] | None = None,
    public: bool = False,
    enveloped: bool = True,
) -> dict[str, Any]:
    """The keyword arguments of a route's decorator."""
    described = Operation(
        id=id,
        summary=summary,
        tag=tag,
        message=message,
        description=description or summary + ".",
        answer=answer,
        example=example,
        status=status,
        body=body,
        body_optional=body_optional,
        pictures=pictures or {},
        query=query,
        refusals=refusals or {},
        public=public,
        enveloped=enveloped,
    )
    opt: dict[str, Any] = {OPERATION: described}
    if public:
        opt[PUBLIC] = True
    return {"name": id, "status_code": status, "opt": opt}
