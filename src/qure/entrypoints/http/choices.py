"""``/api/settings``: what the settings choose, for admins."""

from qure.application.access import require_admin
from qure.entrypoints.chosen import choices
from qure.entrypoints.http.routing import Api
from qure.settings import Settings
from qure.wire.body import Body


class ChoiceBody(Body):
    """One thing that the settings choose, as a sentence for a person."""

    subject: str
    sentence: str


router = Api("/api/settings", tag="Health")


@router.call(
    "GET",
    "/",
    "This is what the settings choose.",
    refuses=("forbidden",),
    only=require_admin,
    example=[ChoiceBody("Database", "SQLite in data/qure.db")],
)
async def list_choices(settings: Settings) -> list[ChoiceBody]:
    """See what the settings choose.

    For admins: what `qure check-config` prints, without any secret. Whether the backends answer
    says `/health/ready`.
    """
    return [ChoiceBody(one.subject, one.sentence) for one in choices(settings)]
