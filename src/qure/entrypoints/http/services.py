"""A clinic's services: what patients stand in line for."""

from typing import cast

from qure.application.access import require_admin
from qure.application.clinics.services import ServiceFields, Services
from qure.domain.ids import ClinicId, ServiceId
from qure.entrypoints.http.calls import Call
from qure.entrypoints.http.routing import Api
from qure.wire.clinic_requests import CreateService, UpdateService
from qure.wire.queues import ServiceBody

router = Api("/api", tag="Services")


@router.call(
    "GET", "/clinic/{clinicId}/services", "These are the clinic's services.", refuses=("forbidden",)
)
async def list_services(
    request: Call, clinic_id: ClinicId, services: Services
) -> list[ServiceBody]:
    """See a clinic's services.

    The active ones by position; an admin gets the retired ones too.
    """
    found = await services.list_all(clinic_id, actor=request.user)
    return [ServiceBody.of(service) for service in found]


@router.call(
    "POST",
    "/clinic/{clinicId}/services",
    "The service has been created.",
    status=201,
    refuses=("forbidden", "service_exists", "prefix_taken", "too_many_services"),
    only=require_admin,
)
async def create_service(
    request: Call, clinic_id: ClinicId, given: CreateService, services: Services
) -> ServiceBody:
    """Create a service.

    For admins. Without `prefix` it gets the first free letter of its name, else of the alphabet.
    The prefixes of a clinic's active services differ, the empty one too.
    """
    service = await services.create(clinic_id, fields=_fields(given), actor=request.user)
    return ServiceBody.of(service)


@router.call(
    "PUT",
    "/services/{serviceId}",
    "The service has been changed.",
    refuses=(
        "forbidden",
        "service_exists",
        "prefix_taken",
        "default_service",
        "too_many_services",
    ),
    only=require_admin,
)
async def update_service(
    request: Call, service_id: ServiceId, given: UpdateService, services: Services
) -> ServiceBody:
    """Change a service.

    For admins. What is left out stays. `isActive: false` retires it; the default one cannot be.
    A new name shows at once, a new prefix from the next queue on.
    """
    service = await services.update(service_id, fields=_fields(given), actor=request.user)
    return ServiceBody.of(service)


def _fields(given: CreateService | UpdateService) -> ServiceFields:
    """What was given, under the names that the use case knows."""
    fields = {name: value for name, value in given.present().items() if value is not None}
    return cast("ServiceFields", fields)
