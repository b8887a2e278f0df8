"""What the settings choose, in sentences for operators and admins. No secret is among them."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from qure.settings import Settings


@dataclass(frozen=True, slots=True)
class Choice:
    """One thing that the settings choose."""

    subject: str
    sentence: str


def choices(settings: Settings) -> list[Choice]:
    """Every one of them, in the order in which they are read."""
    database = settings.database_url
    redis = settings.redis_url
    direct = settings.database_direct_url
    public = without_login(settings.public_url)
    keys = "given" if settings.jwt_private_key else f"kept in {settings.data_dir / 'keys'}"
    images = (
        f"Cloudinary, cloud {urlsplit(settings.cloudinary_url).hostname}"
        if settings.cloudinary_url
        else f"files in {settings.media_dir}, shown at {public}/media"
    )
    origins = ", ".join(map(without_login, settings.cors_origins))
    return [
        Choice("Address", f"{settings.host} port {settings.port}"),
        Choice("Public URL", public or "as the client called it"),
        Choice("Data folder", str(settings.data_dir.absolute())),
        Choice(
            "Database",
            f"Postgres at {place(database)}, {settings.database_pool_size} connections a process"
            if database
            else f"SQLite in {settings.sqlite_path}",
        ),
        Choice(
            "Migrations",
            f"on {place(direct)}" if direct and direct != database else "on the same database",
        ),
        Choice("Events, cache", f"Redis at {place(redis)}" if redis else "in the one process"),
        Choice(
            "Jobs", "SAQ on that Redis, done by `qure worker`" if redis else "in the one process"
        ),
        Choice("Pictures", images),
        Choice("Signing keys", f"{keys}; access tokens live {settings.jwt_life}"),
        Choice("Time zone", settings.default_timezone),
        Choice("Proxies", ", ".join(map(str, settings.trusted_proxies)) or "none is believed"),
        Choice("Origins", origins or "the service's own only"),
        Choice("Docs, metrics", f"{_on(settings.docs)}, {_on(settings.metrics)}"),
        Choice(
            "Logs",
            f"{settings.log_format} from {settings.log_level} up, "
            f"access log {_on(settings.access_log)}",
        ),
        Choice(
            "Traces", f"to {place(settings.otlp_endpoint)}" if settings.otlp_endpoint else "none"
        ),
    ]


def place(url: str) -> str:
    """Host, port and database of a URL, without user, password and parameters."""
    parts = urlsplit(url)
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.hostname}{port}{parts.path}"


def without_login(url: str) -> str:
    """A URL as people may see it: without user, password and parameters."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return parts._replace(netloc=host, query="", fragment="").geturl()


def _on(flag: bool) -> str:
    return "on" if flag else "off"
