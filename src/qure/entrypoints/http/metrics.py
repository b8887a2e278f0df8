"""``/metrics``: of this process, for Prometheus. A proxy does not publish it."""

from litestar import Router, get
from litestar.response.base import ASGIResponse
from litestar.types import Scope
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from qure.entrypoints.http.bearer import PUBLIC
from qure.entrypoints.http.calls import parts_of


@get("/", opt={PUBLIC: True})
async def read_metrics(scope: Scope) -> ASGIResponse:
    metrics = parts_of(scope).metrics
    assert metrics is not None  # else there is no such route: see app.py
    return ASGIResponse(body=await metrics.render(), headers={"Content-Type": CONTENT_TYPE_LATEST})


router = Router("/metrics", route_handlers=[read_metrics])
