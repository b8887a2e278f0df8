"""The types that routes are written with."""

from dataclasses import fields
from typing import Annotated, Any, TypeVar
from uuid import UUID

from litestar import Request
from litestar.di import NamedDependency, Provide
from litestar.params import PathParameter, SkipValidation

from qure.container import Container
from qure.domain.actor import Actor

Call = Request[Actor, Any, Any]
"""A request of somebody who is known: ``user`` says who."""

PublicCall = Request[Any, Any, Any]
"""A request of anybody."""

Dependency = TypeVar("Dependency")

Injected = NamedDependency[SkipValidation[Dependency]]
"""One of the service's parts, by the name of the parameter: see ``dependencies``."""

SessionIdInPath = Annotated[UUID, PathParameter(name="sessionId")]
ClinicIdInPath = Annotated[UUID, PathParameter(name="clinicId")]
UserIdInPath = Annotated[UUID, PathParameter(name="userId")]
PatientIdInPath = Annotated[UUID, PathParameter(name="patientId")]
QueueIdInPath = Annotated[UUID, PathParameter(name="queueId")]
TokenIdInPath = Annotated[UUID, PathParameter(name="tokenId")]


def dependencies(container: Container) -> dict[str, Provide]:
    """What routes may ask for, each by its name."""
    named = {
        one.name: getattr(part, one.name)
        for part in (container.use_cases, container.memory)
        for one in fields(part)
    }
    named |= {"container": container, "settings": container.settings, "images": container.images}
    return {name: _always(part) for name, part in named.items()}


def _always(part: object) -> Provide:
    return Provide(lambda: part, sync_to_thread=False)
