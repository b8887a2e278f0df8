"""The HTTP application: every route."""

from litestar import Litestar
from litestar.middleware import DefineMiddleware

from qure.container import Container
from qure.entrypoints.http import (
    accounts,
    clinics,
    desks,
    displays,
    guests,
    health,
    media,
    moves,
    patient_moves,
    queues,
    services,
    tokens,
    users,
    waits,
    welcome,
)
from qure.entrypoints.http.bearer import Bearer
from qure.entrypoints.http.calls import dependencies
from qure.entrypoints.http.docs import docs_router
from qure.entrypoints.http.errors import EXCEPTION_HANDLERS
from qure.entrypoints.http.metrics import metrics_router
from qure.entrypoints.observability.metrics import Metrics


def create_app(container: Container, *, metrics: Metrics | None = None) -> Litestar:
    """The routes on these parts. Starting and stopping them is the caller's."""
    return Litestar(
        route_handlers=[
            welcome.router,
            health.router,
            media.router,
            accounts.router,
            clinics.router,
            services.router,
            desks.router,
            users.router,
            queues.router,
            waits.router,
            tokens.router,
            moves.router,
            patient_moves.router,
            guests.router,
            displays.router,
            *([docs_router()] if container.settings.docs else []),
            *([metrics_router(metrics)] if metrics is not None else []),
        ],
        dependencies=dependencies(container),
        middleware=[DefineMiddleware(Bearer, container=container)],
        exception_handlers=EXCEPTION_HANDLERS,
        openapi_config=None,  # made in openapi.py, from the types that are checked at run time
        logging_config=None,
        debug=False,
    )
