"""The only reader of the environment: what an operator may set, checked once, at the start."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from datetime import timedelta
from ipaddress import IPv4Address, IPv4Network, IPv6Network, ip_network
from pathlib import Path
from socket import AF_INET, SOCK_DGRAM, socket
from typing import Any, TypeVar
from urllib.parse import urlsplit
from zoneinfo import available_timezones

from dotenv import dotenv_values

from qure.application.ports.setup import SetupError

T = TypeVar("T")
D = TypeVar("D")

_DURATION = re.compile(r"([1-9][0-9]{0,8})([smhd]?)")
_INSTANCE_ID = re.compile(r"[A-Za-z0-9]{1,16}")
_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}
_YES = {"1", "true", "yes", "on"}
_NO = {"0", "false", "no", "off"}


class SettingsError(SetupError):
    """A setting is wrong or half given; the message is one sentence that names it."""


def _whole(least: int, most: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        if not re.fullmatch(r"[0-9]{1,12}", text) or not least <= int(text) <= most:
            raise ValueError(f"must be a whole number from {least} to {most}")
        return int(text)

    return parse


def _yes_or_no(text: str) -> bool:
    if text.lower() in _YES:
        return True
    if text.lower() in _NO:
        return False
    raise ValueError("must be true or false")


def _one_of(*words: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        for word in words:
            if word.lower() == text.lower():
                return word
        raise ValueError(f"must be one of {', '.join(words)}")

    return parse


def _list(parse: Callable[[str], T]) -> Callable[[str], tuple[T, ...]]:
    return lambda text: tuple(parse(part.strip()) for part in text.split(",") if part.strip())


def _duration(text: str) -> timedelta:
    match = _DURATION.fullmatch(text)
    if match is None:
        raise ValueError("must be a duration such as 15m, 1h, 7d, or a number of seconds")
    life = timedelta(seconds=int(match[1]) * _UNITS[match[2]])
    if life > timedelta(days=365):
        raise ValueError("must not be longer than 365 days")
    return life


def _timezone(text: str) -> str:
    if text not in available_timezones():
        raise ValueError("must be the name of a time zone such as America/New_York")
    return text


def _network(text: str) -> IPv4Network | IPv6Network:
    try:
        return ip_network(text, strict=False)
    except ValueError:
        raise ValueError("must list addresses or networks such as 10.0.0.0/8") from None


def _instance_id(text: str) -> str:
    if _INSTANCE_ID.fullmatch(text):
        return text
    try:
        network = IPv4Network(text)
    except ValueError:
        network = None
    if network is None or network.prefixlen < 24:
        raise ValueError(
            "must be 1 to 16 letters and digits, or an IPv4 network of 256 addresses at most "
            "such as 172.30.83.0/24"
        )
    own = _own_address_in(network)
    if own is None:
        raise ValueError(f"names the network {network}, but this machine has no address in it")
    return str(int(own) - int(network.network_address))


def _own_address_in(network: IPv4Network) -> IPv4Address | None:
    with socket(AF_INET, SOCK_DGRAM) as probe:
        try:
            probe.connect((str(network.network_address + 1), 9))  # Sends nothing: it only routes.
        except OSError:
            return None
        own = IPv4Address(probe.getsockname()[0])
    return own if own in network else None


def _url(text: str, schemes: tuple[str, ...], example: str) -> str:
    try:
        parts = urlsplit(text)
        fine = parts.scheme in schemes and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        fine = False
    if not fine:
        raise ValueError(f"must be a URL such as {example}")
    return text


def _http_url(text: str) -> str:
    return _url(text, ("http", "https"), "https://clinic.example")


def _public_url(text: str) -> str:
    return _http_url(text).rstrip("/")


def _postgres_url(text: str) -> str:
    return _url(text, ("postgresql", "postgres"), "postgresql://user:password@host:5432/qure")


def _redis_url(text: str) -> str:
    return _url(text, ("redis", "rediss"), "redis://host:6379/0")


def _origin(text: str) -> str:
    if text == "*":
        return text
    url = _http_url(text)
    parts = urlsplit(url)
    if parts.path not in ("", "/") or parts.query or parts.fragment:
        raise ValueError("must list origins such as https://app.example, without a path")
    return f"{parts.scheme}://{parts.netloc}"


def _cloudinary_url(text: str) -> str:
    parts = urlsplit(_url(text, ("cloudinary",), "cloudinary://key:secret@cloud"))
    if not parts.username or not parts.password:
        raise ValueError("must hold a key and a secret")
    return text


def _setting(name: str, parse: Callable[[str], T], default: D) -> T | D:
    """A field that is read from that variable; ``parse`` raises ``ValueError`` on a wrong one."""
    return field(default=default, metadata={"name": name, "parse": parse})


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Everything that can be set. The defaults are the embedded service: nothing else needed."""

    port: int = _setting("PORT", _whole(0, 65535), 3000)
    host: str = _setting("QURE_HOST", str, "127.0.0.1")
    data_dir: Path = _setting("QURE_DATA_DIR", Path, Path("data"))
    database_url: str | None = _setting("DATABASE_URL", _postgres_url, None)
    database_direct_url: str | None = _setting("DATABASE_DIRECT_URL", _postgres_url, None)
    database_pool_size: int = _setting("QURE_DATABASE_POOL_SIZE", _whole(1, 200), 8)
    redis_url: str | None = _setting("REDIS_URL", _redis_url, None)
    jwt_private_key: str | None = _setting("JWT_PRIVATE_KEY", str, None)
    jwt_public_key: str | None = _setting("JWT_PUBLIC_KEY", str, None)
    jwt_life: timedelta = _setting("JWT_EXPIRES_IN", _duration, timedelta(minutes=15))
    cloudinary_url: str | None = _setting("CLOUDINARY_URL", _cloudinary_url, None)
    default_timezone: str = _setting("QURE_DEFAULT_TIMEZONE", _timezone, "America/New_York")
    public_url: str = _setting("QURE_PUBLIC_URL", _public_url, "")
    instance_id: str = _setting("QURE_PROCESS_MARK", _instance_id, "")
    trusted_proxies: tuple[IPv4Network | IPv6Network, ...] = _setting(
        "QURE_TRUSTED_PROXIES", _list(_network), ()
    )
    cors_origins: tuple[str, ...] = _setting("QURE_CORS_ORIGINS", _list(_origin), ())
    max_image_bytes: int = _setting(
        "QURE_MAX_IMAGE_BYTES", _whole(1024, 100 * 1024 * 1024), 10 * 1024 * 1024
    )
    max_connections_per_user: int = _setting(
        "QURE_MAX_CONNECTIONS_PER_USER", _whole(1, 100_000), 100
    )
    max_active_tokens: int = _setting("QURE_MAX_ACTIVE_TOKENS", _whole(1, 1000), 5)
    registrations_per_address: int = _setting(
        "QURE_REGISTRATIONS_PER_ADDRESS", _whole(1, 1_000_000), 30
    )
    max_events_per_second: int = _setting("QURE_MAX_EVENTS_PER_SECOND", _whole(1, 10_000), 20)
    bcrypt_rounds: int = 10
    docs: bool = _setting("QURE_DOCS", _yes_or_no, True)
    metrics: bool = _setting("QURE_METRICS", _yes_or_no, True)
    access_log: bool = _setting("QURE_ACCESS_LOG", _yes_or_no, False)
    log_level: str = _setting(
        "QURE_LOG_LEVEL", _one_of("DEBUG", "INFO", "WARNING", "ERROR"), "INFO"
    )
    log_format: str = _setting("QURE_LOG_FORMAT", _one_of("console", "json"), "console")
    otlp_endpoint: str | None = _setting("OTEL_EXPORTER_OTLP_ENDPOINT", _http_url, None)
    admin_password: str | None = _setting("QURE_ADMIN_PASSWORD", str, None)

    def database_address(self, *, direct: bool = False) -> str:
        """The URL of the data; ``direct`` goes round a pooler, as migrations must."""
        if self.database_url is None:
            return f"sqlite:///{self.sqlite_path.absolute()}"
        return (self.database_direct_url if direct else None) or self.database_url

    @property
    def sqlite_path(self) -> Path:
        """Where the embedded database is kept."""
        return self.data_dir / "qure.db"

    @property
    def media_dir(self) -> Path:
        """Where images are kept when no Cloudinary is set."""
        return self.data_dir / "media"


def load_settings(
    environment: Mapping[str, str] | None = None, *, env_file: Path | None = Path(".env")
) -> Settings:
    """The settings of the environment, over those of ``env_file`` if there is one.

    An empty variable counts as not set. Raises ``SettingsError``.
    """
    given: dict[str, str | None] = dotenv_values(env_file) if env_file is not None else {}
    given = {**given, **(os.environ if environment is None else environment)}
    texts = {name: value.strip() for name, value in given.items() if value and value.strip()}
    found: dict[str, Any] = {}
    for setting in fields(Settings):
        name = setting.metadata.get("name")
        if name not in texts:
            continue
        try:
            found[setting.name] = setting.metadata["parse"](texts[name])
        except ValueError as error:
            raise SettingsError(f"{name} {error}.") from None
    if ("jwt_private_key" in found) != ("jwt_public_key" in found):
        missing = "JWT_PUBLIC_KEY" if "jwt_private_key" in found else "JWT_PRIVATE_KEY"
        raise SettingsError(f"{missing} is not set, but the other key of the pair is.")
    found.setdefault("database_direct_url", found.get("database_url"))
    found.setdefault("cloudinary_url", _cloudinary_of_parts(texts))
    return Settings(**found)


def _cloudinary_of_parts(texts: Mapping[str, str]) -> str | None:
    names = ("CLOUDINARY_CLOUD_NAME", "CLOUDINARY_API_KEY", "CLOUDINARY_API_SECRET")
    if not any(name in texts for name in names):
        return None
    for name in names:
        if name not in texts:
            raise SettingsError(f"{name} is not set, but other settings of Cloudinary are.")
    cloud, key, secret = (texts[name] for name in names)
    return f"cloudinary://{key}:{secret}@{cloud}"
