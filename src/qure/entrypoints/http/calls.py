"""The types that routes are written with, and the parts of the service that they may ask for.

Routes are made once and know no service: the parts come with each request, in its scope.
"""

from collections.abc import Awaitable, Mapping
from dataclasses import dataclass, fields
from typing import Any, Final, cast, get_type_hints

from litestar import Request
from litestar.types import ASGIApp, Receive, Scope, Send

from qure.application.memory import Memory
from qure.application.ports.gateways import Clock, Images
from qure.application.use_cases import UseCases
from qure.container import Container
from qure.domain.actor import Actor
from qure.entrypoints.observability.metrics import Metrics
from qure.settings import Settings

Call = Request[Actor, Any, Any]
"""A request of somebody who is known: ``user`` says who."""

PublicCall = Request[Any, Any, Any]
"""A request of anybody."""

_OWN = {"container": Container, "settings": Settings, "clock": Clock, "images": Images}

PARTS: Mapping[str, Any] = {**get_type_hints(UseCases), **get_type_hints(Memory), **_OWN}
"""The type of every part, by its name."""

_KEY: Final = "qure.parts"


@dataclass(frozen=True, slots=True)
class Parts:
    """What answers a request: the container, its ``PARTS`` by name, and metrics if it has any."""

    container: Container
    by_name: Mapping[str, Any]
    metrics: Metrics | None


def with_parts(app: ASGIApp, container: Container, *, metrics: Metrics | None = None) -> ASGIApp:
    """``app``, with this container's parts in the scope of each of its requests."""
    by_name = {
        one.name: getattr(part, one.name)
        for part in (container.use_cases, container.memory)
        for one in fields(part)
    }
    by_name |= {name: getattr(container, name) for name in _OWN.keys() - {"container"}}
    parts = Parts(container, {**by_name, "container": container}, metrics)

    def serve(scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        cast(dict[str, Any], scope)[_KEY] = parts
        return app(scope, receive, send)

    return serve


def parts_of(scope: Scope) -> Parts:
    """The parts that answer this request."""
    return cast(Parts, cast(dict[str, Any], scope)[_KEY])
