"""The types that routes are written with."""

from typing import Annotated, Any
from uuid import UUID

from litestar import Request
from litestar.di import NamedDependency
from litestar.params import PathParameter, SkipValidation

from qure.application.access import Principal
from qure.bootstrap import Container

Call = Request[Principal, Any, Any]
"""A request of somebody who is known: ``user`` says who."""

PublicCall = Request[Any, Any, Any]
"""A request of anybody."""

Parts = NamedDependency[SkipValidation[Container]]
"""What the service is made of. The parameter is called ``container``."""

SessionIdInPath = Annotated[UUID, PathParameter(name="sessionId")]
ClinicIdInPath = Annotated[UUID, PathParameter(name="clinicId")]
UserIdInPath = Annotated[UUID, PathParameter(name="userId")]
PatientIdInPath = Annotated[UUID, PathParameter(name="patientId")]
QueueIdInPath = Annotated[UUID, PathParameter(name="queueId")]
TokenIdInPath = Annotated[UUID, PathParameter(name="tokenId")]
