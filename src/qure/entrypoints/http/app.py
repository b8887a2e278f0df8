"""The HTTP application: every route, and what is around them."""

from litestar import Litestar
from litestar.di import Provide
from litestar.middleware import DefineMiddleware

from qure.bootstrap import Container
from qure.entrypoints.http import accounts, clinics, health, media, queues, tokens, users, welcome
from qure.entrypoints.http.bearer import Bearer
from qure.entrypoints.http.docs import docs_router
from qure.entrypoints.http.edge import Edge
from qure.entrypoints.http.errors import EXCEPTION_HANDLERS
from qure.entrypoints.http.hot_reads import HotReads
from qure.entrypoints.http.methods import methods_by_address
from qure.entrypoints.http.metrics import metrics_router
from qure.entrypoints.observability.metrics import Metrics


def create_app(container: Container) -> Litestar:
    """The application on these parts. Starting and stopping them is the caller's."""
    settings = container.settings
    metrics = Metrics(container) if settings.metrics else None
    app = Litestar(
        route_handlers=[
            welcome.router,
            health.router,
            media.router,
            accounts.router,
            clinics.router,
            users.router,
            queues.router,
            tokens.router,
            *([docs_router()] if settings.docs else []),
            *([metrics_router(metrics)] if metrics is not None else []),
        ],
        dependencies={"container": Provide(lambda: container, sync_to_thread=False)},
        middleware=[DefineMiddleware(Bearer, container=container)],
        exception_handlers=EXCEPTION_HANDLERS,
        openapi_config=None,  # made in openapi.py, from the types that are checked at run time
        logging_config=None,
        debug=False,
    )
    app.asgi_handler = Edge(
        HotReads(app.asgi_handler, container=container),
        new_id=container.randomness.new_id,
        methods=methods_by_address(app.routes),
        origins=settings.cors_origins,
        access_log=settings.access_log,
        on_answer=metrics.count_request if metrics is not None else None,
    )
    return app
