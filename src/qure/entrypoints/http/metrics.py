"""``/metrics``: the figures of this process, for Prometheus. A proxy does not publish it."""

from litestar import Router, get
from litestar.response.base import ASGIResponse
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from qure.entrypoints.figures import Figures
from qure.entrypoints.http.bearer import PUBLIC


def metrics_router(figures: Figures) -> Router:
    """The route."""

    @get("/", opt={PUBLIC: True})
    async def read_metrics() -> ASGIResponse:
        return ASGIResponse(
            body=await figures.render(), headers={"Content-Type": CONTENT_TYPE_LATEST}
        )

    return Router("/metrics", route_handlers=[read_metrics])
