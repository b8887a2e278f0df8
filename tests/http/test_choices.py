"""``/api/settings``: what the settings choose, for admins, without any secret."""

from __future__ import annotations

from qure.entrypoints.chosen import choices
from qure.entrypoints.cli.administration import check
from qure.settings import Settings, load_settings
from tests.support.http_service import HttpService, Person, data_of

FULL_OF_SECRETS = {
    "DATABASE_URL": "postgresql://hunter1:hunter2@db.example:6432/clinics?password=hunter2",
    "DATABASE_DIRECT_URL": "postgresql://hunter1:hunter2@db.example:5432/clinics",
    "REDIS_URL": "redis://hunter1:hunter2@cache.example:6380/2?password=hunter2",
    "CLOUDINARY_URL": "cloudinary://hunter1:hunter2@our-cloud",
    "QURE_PUBLIC_URL": "https://hunter1:hunter2@queue.example/?key=hunter2",
    "QURE_CORS_ORIGINS": "https://hunter1:hunter2@app.example,*",
    "OTEL_EXPORTER_OTLP_ENDPOINT": "https://hunter1:hunter2@traces.example/v1?key=hunter2",
    "QURE_ADMIN_PASSWORD": "hunter2",
    "JWT_PRIVATE_KEY": "hunter1",
    "JWT_PUBLIC_KEY": "hunter2",
}


async def told_to(admin: Person) -> list[tuple[str, str]]:
    told = data_of(await admin.get("/settings"))
    assert all(set(one) == {"subject", "sentence"} for one in told)
    return [(one["subject"], one["sentence"]) for one in told]


async def test_an_admin_is_told_what_the_command_tells(
    service: HttpService, admin: Person, settings: Settings
) -> None:
    printed = await check(settings, connect=False)
    assert await told_to(admin) == [(one.subject, one.sentence) for one in printed]
    assert ("Time zone", "America/New_York") in await told_to(admin)


def test_no_sentence_has_a_secret_in_it() -> None:
    given = load_settings(FULL_OF_SECRETS, env_file=None)
    told = {one.subject: one.sentence for one in choices(given)}
    assert "hunter" not in str(told)
    assert told["Public URL"] == "https://queue.example/"
    assert told["Origins"] == "https://app.example, *"
    assert told["Database"].startswith("Postgres at db.example:6432/clinics,")
    assert told["Migrations"] == "on db.example:5432/clinics"
    assert told["Events, cache"] == "Redis at cache.example:6380/2"
    assert told["Pictures"] == "Cloudinary, cloud our-cloud"
    assert told["Signing keys"].startswith("given;")
    assert told["Traces"] == "to traces.example/v1"


def test_pictures_on_disk_are_shown_without_a_login_in_their_address() -> None:
    told = {one.subject: one.sentence for one in choices(Settings(public_url="https://a:b@q.org"))}
    assert told["Pictures"] == "files in data/media, shown at https://q.org/media"
