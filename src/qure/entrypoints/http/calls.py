"""The types that routes are written with, and the parts of the service that they may ask for."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, TypeVar, get_type_hints

from litestar import Request
from litestar.di import NamedDependency, Provide
from litestar.params import SkipValidation

from qure.application.memory import Memory
from qure.application.ports.gateways import Clock, Images
from qure.application.use_cases import UseCases
from qure.container import Container
from qure.domain.actor import Actor
from qure.settings import Settings

Call = Request[Actor, Any, Any]
"""A request of somebody who is known: ``user`` says who."""

PublicCall = Request[Any, Any, Any]
"""A request of anybody."""

Dependency = TypeVar("Dependency")

Injected = NamedDependency[SkipValidation[Dependency]]
"""What ``dependencies`` provides, by the name of the parameter."""

_OWN = {"container": Container, "settings": Settings, "clock": Clock, "images": Images}

PARTS: Mapping[str, Any] = {**get_type_hints(UseCases), **get_type_hints(Memory), **_OWN}
"""The type of every part, by its name."""


def dependencies(container: Container) -> dict[str, Provide]:
    """The whole container, and the parts that handlers ask for by name."""
    parts = {
        one.name: getattr(part, one.name)
        for part in (container.use_cases, container.memory)
        for one in fields(part)
    }
    parts |= {"container": container, "settings": container.settings}
    parts |= {"clock": container.clock, "images": container.images}
    return {"container": _always(container), "parts": _always(parts)}


def _always(part: object) -> Provide:
    return Provide(lambda: part, sync_to_thread=False)
