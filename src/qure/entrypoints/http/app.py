"""The HTTP application: every route."""

from collections.abc import Sequence
from functools import cache

from litestar import Litestar, Router

from qure.entrypoints.http import (
    accounts,
    choices,
    clinics,
    desks,
    displays,
    guests,
    health,
    media,
    metrics,
    moves,
    patient_moves,
    queues,
    services,
    setup,
    tokens,
    users,
    waits,
)
from qure.entrypoints.http.bearer import Bearer
from qure.entrypoints.http.docs import docs_router
from qure.entrypoints.http.errors import EXCEPTION_HANDLERS
from qure.settings import Settings


def create_app(settings: Settings, *, pages: Sequence[Router] = ()) -> Litestar:
    """The routes that those settings ask for, with ``pages`` beside them.

    To be served ``with_parts``. Making them takes longer than all the rest of a service, and they
    are the same for each: those of one process share them. So nothing of a service may be kept
    here, and nobody runs its lifespan.
    """
    return _routes(tuple(pages), docs_too=settings.docs, metrics_too=settings.metrics)


@cache
def _routes(pages: tuple[Router, ...], *, docs_too: bool, metrics_too: bool) -> Litestar:
    return Litestar(
        route_handlers=[
            health.router,
            choices.router,
            media.router,
            accounts.router,
            setup.router,
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
            *([docs_router()] if docs_too else []),
            *([metrics.router] if metrics_too else []),
            *pages,
        ],
        middleware=[Bearer],
        exception_handlers=EXCEPTION_HANDLERS,
        openapi_config=None,  # made in openapi.py, from the types that are checked at run time
        logging_config=None,
        debug=False,
    )
