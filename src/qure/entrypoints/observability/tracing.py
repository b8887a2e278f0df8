"""Whether this process is traced: only where a collector is configured."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qure.bootstrap import Container

if TYPE_CHECKING:
    from qure.entrypoints.observability.spans import Tracing


def tracing_of(container: Container) -> Tracing | None:
    """What traces this container from now on; None, and nothing loaded, without a collector."""
    if container.settings.otlp_endpoint is None:
        return None
    from qure.entrypoints.observability.spans import Tracing

    return Tracing(container, endpoint=container.settings.otlp_endpoint)
