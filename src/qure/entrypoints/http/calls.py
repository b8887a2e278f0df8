"""The types that routes are written with, and the parts of the service that they may ask for."""

from collections.abc import Mapping
from typing import Any, TypeVar, get_type_hints

from litestar import Request
from litestar.di import NamedDependency, Provide
from litestar.params import SkipValidation

from qure.application.use_cases import UseCases
from qure.container import Container
from qure.domain.actor import Actor

Call = Request[Actor, Any, Any]
"""A request of somebody who is known: ``user`` says who."""

PublicCall = Request[Any, Any, Any]
"""A request of anybody."""

Dependency = TypeVar("Dependency")

Injected = NamedDependency[SkipValidation[Dependency]]
"""What ``dependencies`` provides, by the name of the parameter."""

_USE_CASES = get_type_hints(UseCases)
_OTHERS = ("settings", "clock", "images", "reads", "nearby", "live_status")

PARTS: Mapping[str, Any] = {
    **_USE_CASES,
    **{name: get_type_hints(Container)[name] for name in _OTHERS},
    "container": Container,
}
"""The type of every part, by its name."""


def dependencies(container: Container) -> dict[str, Provide]:
    """The whole container, and the parts that handlers ask for by name."""
    parts = {
        **{name: getattr(container.use_cases, name) for name in _USE_CASES},
        **{name: getattr(container, name) for name in _OTHERS},
        "container": container,
    }
    return {"container": _always(container), "parts": _always(parts)}


def _always(part: object) -> Provide:
    return Provide(lambda: part, sync_to_thread=False)
