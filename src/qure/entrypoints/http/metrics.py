"""``/metrics``: of this process, for Prometheus. A proxy does not publish it."""

from litestar import Router, get
from litestar.response.base import ASGIResponse
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from qure.entrypoints.http.bearer import PUBLIC
from qure.entrypoints.observability.metrics import Metrics


def metrics_router(metrics: Metrics) -> Router:
    """The route."""

    @get("/", opt={PUBLIC: True})
    async def read_metrics() -> ASGIResponse:
        return ASGIResponse(
            body=await metrics.render(), headers={"Content-Type": CONTENT_TYPE_LATEST}
        )

    return Router("/metrics", route_handlers=[read_metrics])
