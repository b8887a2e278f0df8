"""How the OpenAPI document shows what does not work: each code with a sample."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

_JSON = "application/json"

_USUAL = {
    "validation_failed": "Some fields are not valid.",
    "malformed_json": "The body is not valid JSON.",
    "malformed_form": "The form cannot be read.",
    "unauthenticated": "Please log in first.",
    "invalid_token": "Your access token is not valid.",
    "token_expired": "Your access token has expired.",
    "session_ended": "This login has ended. Please log in again.",
    "account_disabled": "This account is disabled.",
    "body_too_large": "The body must not be larger than 65536 bytes.",
    "unsupported_media_type": "Send JSON, as application/json.",
    "internal_error": "Something went wrong on our side.",
    "service_unavailable": "Something we need is away for the moment.",
    "busy": "There is too much to do at the moment.",
    "invalid_credentials": "The e-mail address or password is wrong.",
    "email_taken": "This e-mail address is taken.",
    "wrong_password": "The old password is wrong.",
    "too_many_tries": "Too many failed tries. Please wait a while.",
    "active_token_exists": "You already have an active token in this queue.",
    "queue_full": "This queue is full for today.",
    "version_conflict": "This has changed meanwhile: its version is 4, not 3.",
    "idempotency_key_reused": "This idempotency key was used for another request already.",
}
_AT_FIELD = {
    "validation_failed": ("email", "Must be a valid e-mail address."),
    "wrong_password": ("oldPassword", "The old password is wrong."),
}
_WAITING = {429, 503}


def failure(status: int, codes: tuple[str, ...], schema: Mapping[str, Any]) -> dict[str, Any]:
    """The answers of that status; ``schema`` is that of the envelope."""
    described: dict[str, Any] = {
        "description": f"{HTTPStatus(status).phrase}: {', '.join(f'`{code}`' for code in codes)}.",
        "content": {
            _JSON: {
                "schema": schema,
                "examples": {code: {"value": _sample_failure(code)} for code in codes},
            }
        },
    }
    if status in _WAITING:
        described["headers"] = {
            "Retry-After": {
                "description": "In how many seconds to try again.",
                "schema": {"type": "integer", "minimum": 1},
            }
        }
    return described


def _sample_failure(code: str) -> dict[str, Any]:
    at = _AT_FIELD.get(code)
    meta = {"requestId": "0193f3d0000070008000000000000007"} if code == "internal_error" else None
    return {
        "success": False,
        "message": _USUAL.get(code, code.replace("_", " ").capitalize() + "."),
        "code": code,
        "errors": [{"path": at[0], "message": at[1]}] if at else None,
        "meta": meta,
    }
