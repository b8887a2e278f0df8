"""What a page may do in the browser: use what comes from here (CSP Level 3, Trusted Types)."""

from __future__ import annotations

from urllib.parse import urlsplit

from qure.settings import Settings

_RULES = (
    "default-src 'self'",
    "object-src 'none'",
    "base-uri 'none'",
    "form-action 'self'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    # The one policy there may be lets the service worker's address through (core/worker.js).
    "trusted-types qure-worker",
)
_CLOUDINARY = "https://res.cloudinary.com"


def page_policy(settings: Settings) -> str:
    """The header ``Content-Security-Policy`` of every page. Pictures may come from where the
    settings say that they are kept, and from data URIs: QR codes are such."""
    pictures = ["'self'", "data:"]
    if settings.cloudinary_url:
        pictures.append(_CLOUDINARY)
    elif settings.public_url:
        parts = urlsplit(settings.public_url)
        pictures.append(f"{parts.scheme}://{parts.netloc}")
    return "; ".join((*_RULES, f"img-src {' '.join(pictures)}"))
