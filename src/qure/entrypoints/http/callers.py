"""What a request says of whoever made it, and of where this service was reached."""

import re

from qure.application.accounts.sessions import Device
from qure.entrypoints.http.bodies import AnyRequest
from qure.entrypoints.http.client_address import client_address
from qure.settings import Settings
from qure.wire.fields import device_name

DEVICE_COOKIE = "qure_device"

_HOST = re.compile(
    r"(?:[A-Za-z0-9][A-Za-z0-9._-]{0,252}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?", re.ASCII
)


def address_of(request: AnyRequest, settings: Settings) -> str | None:
    """Where it comes from, as far as that can be believed."""
    return client_address(request.scope, settings.trusted_proxies)


def device_of(request: AnyRequest, settings: Settings, *, named: str | None = None) -> Device:
    """The device; ``named`` is what it calls itself, by default its user agent."""
    return Device(
        user_agent=named or device_name(request.headers.get("user-agent", "")),
        ip_address=address_of(request, settings),
        token=request.cookies.get(DEVICE_COOKIE),
    )


def base_url(request: AnyRequest, settings: Settings) -> str:
    """Where links lead: the setting, else the service as this request called it.

    Empty for a request that calls it by no name a link could have: its links are relative then.
    """
    if settings.public_url:
        return settings.public_url
    host = request.headers.get("host", "")
    scheme = request.scope["scheme"]
    if _HOST.fullmatch(host) is None or scheme not in ("http", "https"):
        return ""
    return f"{scheme}://{host}"
