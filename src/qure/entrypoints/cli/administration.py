"""What the command does besides running processes: admins, checking the settings, describing."""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from qure.application.ports.setup import SetupError
from qure.bootstrap import build, schema_of
from qure.container import Container, ProcessRole
from qure.domain.errors import Invalid, Unavailable
from qure.entrypoints.chosen import choices, place
from qure.settings import Settings
from qure.wire import fields as f
from qure.wire.parsing import Fields, parse


class NewAdmin(Fields):
    """Who shall be an admin; the same rules as for registering."""

    first_name: f.PersonName
    last_name: f.PersonName
    email: f.Email


class AdminPassword(Fields):
    """The password of an admin who has no account yet."""

    password: f.NewPassword


async def make_admin(
    settings: Settings,
    *,
    email: str,
    first_name: str,
    last_name: str,
    password: str | None,
    ask_password: Callable[[], str],
) -> tuple[str, bool]:
    """Make an admin or promote a user; the address, and whether a user was made.

    A password is asked for only when one is needed and none is given. Raises ``Invalid``,
    ``Unavailable``, ``SetupError``, ``SettingsError``.
    """
    wanted = parse(NewAdmin, {"firstName": first_name, "lastName": last_name, "email": email})
    if password is not None:
        _check_password(password)
    async with _command(settings) as container:

        async def attempt(password: str | None) -> tuple[str, bool]:
            _, was_made = await container.use_cases.registration.create_admin(
                email=wanted.email,
                first_name=wanted.first_name,
                last_name=wanted.last_name,
                password=password,
            )
            return wanted.email, was_made

        if password is not None:
            return await attempt(password)
        try:
            return await attempt(None)
        except Invalid:
            password = ask_password()
            _check_password(password)
            return await attempt(password)


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that was looked at."""

    subject: str
    sentence: str
    is_fault: bool = False


async def check(settings: Settings, *, connect: bool) -> list[Line]:
    """What the settings choose, and with ``connect`` whether it answers. No secrets."""
    lines = [Line(one.subject, one.sentence) for one in choices(settings)]
    if connect:
        lines += [
            await _ask("Database", lambda: _database_answers(settings)),
            await _ask("Pictures", lambda: _images_can_be_kept(settings)),
        ]
        if settings.redis_url is not None:
            lines.append(await _ask("Redis", lambda: _redis_answers(settings)))
    return lines


def greeting(
    settings: Settings, url: str, *, workers: int = 1, setup_code: str | None = None
) -> str:
    """What an operator reads when the service has started.

    With ``setup_code`` whoever reads it can become the first admin: it is for nobody else.
    """
    base = settings.public_url or url
    lines = [
        f"Qure {version('qure')} is running; Ctrl-C stops it.",
        f"  API             {base}/api",
        f"  Documentation   {base}/docs" if settings.docs else "",
        f"  Data folder     {settings.data_dir.resolve()}",
        f"  Database        {place(settings.database_url)}" if settings.database_url else "",
        _about_sockets(settings, workers),
        f"  First admin     {base}/setup#{setup_code} (code {setup_code})" if setup_code else "",
        f"  Next            {command_name()} create-admin you@example.com",
    ]
    return "\n".join(line for line in lines if line)


def _about_sockets(settings: Settings, workers: int) -> str:
    if workers == 1:
        return ""
    if settings.instance_id:
        return f"  Workers         each on its own port too, the next {workers}, for a proxy"
    return "  Socket.IO       over WebSocket only: polling needs QURE_PROCESS_MARK and a proxy"


def command_name() -> str:
    """How to call this command from where the operator is."""
    called = Path(sys.argv[0])
    if called.stem != "qure" or shutil.which("qure") == str(called.absolute()):
        return "qure"
    here = Path.cwd()
    return str(called.relative_to(here) if called.is_relative_to(here) else called)


def openapi_json(settings: Settings) -> str:
    """The description of the HTTP API as JSON. Touches no backend and keeps nothing."""
    return json.dumps(_openapi(settings), indent=2, ensure_ascii=False)


def type_declarations(settings: Settings) -> str:
    """All that clients send, get and hear, as TypeScript. Touches no backend and keeps nothing."""
    from qure.entrypoints.web.declarations import declarations

    return declarations(_openapi(settings)["components"]["schemas"])


def _openapi(settings: Settings) -> dict[str, Any]:
    from qure.entrypoints.http.openapi import openapi_document
    from qure.entrypoints.routes import create_routes

    return openapi_document(create_routes(settings))


@asynccontextmanager
async def _command(settings: Settings) -> AsyncIterator[Container]:
    """A container for a command on the database that the service uses, perhaps at this moment."""
    revisions = await schema_of(settings).revisions()
    if revisions.before is None:
        await schema_of(settings).migrate()
    elif revisions.before != revisions.after:
        raise SetupError(
            f"The database is at revision {revisions.before}, this version of Qure works with "
            f"{revisions.after}: run `{command_name()} migrate` first."
        )
    async with build(settings, role=ProcessRole.COMMAND).running() as container:
        yield container


def _check_password(password: str) -> None:
    parse(AdminPassword, {"password": password})


async def _ask(subject: str, question: Callable[[], Awaitable[str]]) -> Line:
    try:
        return Line(subject, await question())
    except Unavailable as error:
        return Line(subject, error.message, is_fault=True)
    except (SetupError, OSError) as error:
        return Line(subject, str(error), is_fault=True)


async def _database_answers(settings: Settings) -> str:
    revisions = await schema_of(settings).revisions()
    if revisions.before != revisions.after:
        return f"answers; `qure migrate` is needed ({revisions.before} to {revisions.after})"
    async with build(settings, role=ProcessRole.COMMAND).running() as container:
        await container.storage.ping()
    return f"answers; revision {revisions.before}"


async def _redis_answers(settings: Settings) -> str:
    async with build(settings, role=ProcessRole.COMMAND).running() as container:
        await container.jobs.ping()
    return "answers"


async def _images_can_be_kept(settings: Settings) -> str:
    if settings.cloudinary_url is not None:
        return "Cloudinary is asked when the first picture is stored"
    settings.media_dir.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=settings.media_dir):
        return f"{settings.media_dir} can be written to"
