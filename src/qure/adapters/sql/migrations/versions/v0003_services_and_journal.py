"""Services, versions and places of tokens, and one journal for everything that happened.

Every clinic gets its default service, with the clinic's own id: so both ways are plain statements,
however many rows there are. What staff did and what waited to be announced becomes the journal's;
a token's history begins with its issuing. Entries that were announced already are not taken along.

Going back, each row is what it was; of what one transaction did since, only the first activity
gets its entry's id. Queues of other services than the default ones are given up with their tokens.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from advanced_alchemy.types import GUID, DateTimeUTC
from alembic import op

from qure.adapters.sql.migrations.altering import altered, partial_index

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

PLACE_STEP = 1 << 20

# What staff did: the event that it is, and from which status to which.
_ACTIONS = {
    "CALL": ("TokenCalled", "'WAITING'", "CALLED"),
    "START": ("TokenStarted", "'CALLED'", "IN_PROGRESS"),
    "SKIP": (
        "TokenSkipped",
        "CASE WHEN tokens.called_at IS NULL THEN 'WAITING' ELSE 'CALLED' END",
        "SKIPPED",
    ),
    "COMPLETE": (
        "TokenCompleted",
        "CASE WHEN tokens.started_at IS NULL THEN 'CALLED' ELSE 'IN_PROGRESS' END",
        "COMPLETED",
    ),
}
_NOBODY = {"kind": "SYSTEM", "id": None, "session_id": None, "role": None, "clinic_id": None}
_RENAMED = {"MediaReplaced": "ImageReplaced"}

_STAMPS = ("called_at", "started_at", "completed_at", "skipped_at", "cancelled_at")


def upgrade() -> None:
    _make_services()
    _move_queues_to_services()
    _give_tokens_versions_and_places()
    _make_journal()
    _write_history_of_tokens()
    _move_outbox_to_journal()
    _index_journal()
    op.drop_table("staff_activities")
    op.drop_table("outbox")


def downgrade() -> None:
    _make_staff_activities()
    _make_outbox()
    _move_journal_to_outbox()
    _move_journal_to_staff_activities()
    op.drop_table("journal")
    _take_versions_and_places()
    _move_queues_to_clinics()
    _drop_services()


def _make_services() -> None:
    op.create_table(
        "services",
        sa.Column("id", GUID(), nullable=False),
        sa.Column("clinic_id", GUID(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("prefix", sa.Text(), nullable=False),
        sa.Column("expected_minutes", sa.Integer(), nullable=False),
        sa.Column("max_queue_size", sa.Integer(), nullable=False),
        sa.Column("auto_open_queue", sa.Boolean(), nullable=False),
        sa.Column("next_opening_at", DateTimeUTC(), nullable=True),
        sa.Column("is_default", sa.Boolean(), nullable=False),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("created_at", DateTimeUTC(), nullable=False),
        sa.Column("updated_at", DateTimeUTC(), nullable=False),
        sa.CheckConstraint(
            "expected_minutes BETWEEN 1 AND 240", name=op.f("ck_services_expected_minutes")
        ),
        sa.CheckConstraint(
            "max_queue_size BETWEEN 1 AND 1000", name=op.f("ck_services_max_queue_size")
        ),
        sa.ForeignKeyConstraint(
            ["clinic_id"], ["clinics.id"], name=op.f("fk_services_clinic_id_clinics")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_services")),
    )
    op.execute(
        "INSERT INTO services (id, clinic_id, name, prefix, expected_minutes, max_queue_size, "
        "auto_open_queue, next_opening_at, is_default, is_active, position, created_at, updated_at)"
        " SELECT id, id, 'General', '', 10, max_queue_size, auto_open_queue, next_opening_at, "
        "true, true, 0, created_at, updated_at FROM clinics"
    )
    op.create_index("ix_services_clinic", "services", ["clinic_id", "position", "id"])
    partial_index("uq_services_default", "services", "clinic_id", where="is_default", unique=True)
    partial_index(
        "uq_services_prefix", "services", "clinic_id", "prefix", where="is_active", unique=True
    )
    partial_index(
        "ix_services_next_opening",
        "services",
        "next_opening_at",
        "id",
        where="next_opening_at IS NOT NULL",
    )
    op.drop_index("ix_clinics_next_opening", table_name="clinics")
    with altered("clinics") as clinics:
        clinics.drop_constraint(op.f("ck_clinics_max_queue_size"), type_="check")
        clinics.drop_column("max_queue_size")
        clinics.drop_column("auto_open_queue")
        clinics.drop_column("next_opening_at")


def _drop_services() -> None:
    with altered("clinics") as clinics:
        clinics.add_column(sa.Column("max_queue_size", sa.Integer(), nullable=True))
        clinics.add_column(sa.Column("auto_open_queue", sa.Boolean(), nullable=True))
        clinics.add_column(sa.Column("next_opening_at", DateTimeUTC(), nullable=True))
    for column in ("max_queue_size", "auto_open_queue", "next_opening_at"):
        op.execute(
            f"UPDATE clinics SET {column} = (SELECT services.{column} FROM services "
            "WHERE services.clinic_id = clinics.id AND services.is_default)"
        )
    with altered("clinics") as clinics:
        clinics.alter_column("max_queue_size", existing_type=sa.Integer(), nullable=False)
        clinics.alter_column("auto_open_queue", existing_type=sa.Boolean(), nullable=False)
        clinics.create_check_constraint(
            op.f("ck_clinics_max_queue_size"), "max_queue_size BETWEEN 1 AND 1000"
        )
    partial_index(
        "ix_clinics_next_opening",
        "clinics",
        "next_opening_at",
        "id",
        where="next_opening_at IS NOT NULL",
    )
    op.drop_table("services")


def _move_queues_to_services() -> None:
    with altered("queues") as queues:
        queues.drop_constraint(op.f("ck_queues_current_number"), type_="check")
        queues.alter_column("current_number", new_column_name="now_serving")
        queues.add_column(sa.Column("service_id", GUID(), nullable=True))
        queues.add_column(
            sa.Column("priority_run", sa.Integer(), nullable=False, server_default="0")
        )
    op.execute("UPDATE queues SET service_id = clinic_id")
    with altered("queues") as queues:
        queues.alter_column("service_id", existing_type=GUID(), nullable=False)
        queues.alter_column("priority_run", existing_type=sa.Integer(), server_default=None)
        queues.create_foreign_key(
            op.f("fk_queues_service_id_services"), "services", ["service_id"], ["id"]
        )
        queues.create_check_constraint(
            op.f("ck_queues_priority_run"), "priority_run BETWEEN 0 AND 2"
        )
        queues.create_check_constraint(
            op.f("ck_queues_now_serving"), "now_serving BETWEEN 0 AND last_issued_number"
        )
        queues.drop_constraint("uq_queues_clinic_date", type_="unique")
        queues.create_unique_constraint("uq_queues_service_date", ["service_id", "date"])


def _move_queues_to_clinics() -> None:
    """A clinic has one queue a day again, its default service's: the others have no place."""
    others = "IN (SELECT id FROM services WHERE NOT is_default)"
    op.execute(
        f"DELETE FROM tokens WHERE queue_id IN (SELECT id FROM queues WHERE service_id {others})"
    )
    op.execute(f"DELETE FROM queues WHERE service_id {others}")
    with altered("queues") as queues:
        queues.drop_constraint("uq_queues_service_date", type_="unique")
        queues.drop_constraint(op.f("ck_queues_priority_run"), type_="check")
        queues.drop_constraint(op.f("ck_queues_now_serving"), type_="check")
        queues.drop_constraint(op.f("fk_queues_service_id_services"), type_="foreignkey")
        queues.drop_column("service_id")
        queues.drop_column("priority_run")
        queues.alter_column("now_serving", new_column_name="current_number")
    with altered("queues") as queues:
        queues.create_check_constraint(
            op.f("ck_queues_current_number"), "current_number BETWEEN 0 AND last_issued_number"
        )
        queues.create_unique_constraint("uq_queues_clinic_date", ["clinic_id", "date"])


def _give_tokens_versions_and_places() -> None:
    op.drop_index("ix_tokens_waiting", table_name="tokens")
    op.drop_index("ix_tokens_held", table_name="tokens")
    with altered("tokens") as tokens:
        tokens.drop_constraint(op.f("fk_tokens_held_by_users"), type_="foreignkey")
        tokens.alter_column("held_by", new_column_name="assigned_to")
        tokens.add_column(sa.Column("version", sa.Integer(), nullable=True))
        tokens.add_column(sa.Column("place", sa.BigInteger(), nullable=True))
        tokens.add_column(sa.Column("priority", sa.Text(), nullable=True))
    op.execute(
        f"UPDATE tokens SET place = CAST(number AS BIGINT) * {PLACE_STEP}, priority = 'NORMAL', "
        "version = 1"
        + "".join(f" + CASE WHEN {stamp} IS NULL THEN 0 ELSE 1 END" for stamp in _STAMPS)
    )
    with altered("tokens") as tokens:
        tokens.alter_column("version", existing_type=sa.Integer(), nullable=False)
        tokens.alter_column("place", existing_type=sa.BigInteger(), nullable=False)
        tokens.alter_column("priority", existing_type=sa.Text(), nullable=False)
        tokens.create_foreign_key(
            op.f("fk_tokens_assigned_to_users"), "users", ["assigned_to"], ["id"]
        )
        tokens.create_check_constraint(
            op.f("ck_tokens_priority"), "priority IN ('NORMAL', 'PRIORITY', 'URGENT')"
        )
        tokens.create_check_constraint(op.f("ck_tokens_version"), "version >= 1")
    partial_index(
        "ix_tokens_waiting",
        "tokens",
        "queue_id",
        "priority",
        "place",
        where="status IN ('WAITING')",
    )
    partial_index(
        "ix_tokens_assigned",
        "tokens",
        "queue_id",
        "assigned_to",
        where="status IN ('CALLED', 'IN_PROGRESS')",
    )


def _take_versions_and_places() -> None:
    op.drop_index("ix_tokens_waiting", table_name="tokens")
    op.drop_index("ix_tokens_assigned", table_name="tokens")
    with altered("tokens") as tokens:
        tokens.drop_constraint(op.f("ck_tokens_priority"), type_="check")
        tokens.drop_constraint(op.f("ck_tokens_version"), type_="check")
        tokens.drop_constraint(op.f("fk_tokens_assigned_to_users"), type_="foreignkey")
        tokens.drop_column("version")
        tokens.drop_column("place")
        tokens.drop_column("priority")
        tokens.alter_column("assigned_to", new_column_name="held_by")
    with altered("tokens") as tokens:
        tokens.create_foreign_key(op.f("fk_tokens_held_by_users"), "users", ["held_by"], ["id"])
    partial_index(
        "ix_tokens_waiting", "tokens", "queue_id", "number", where="status IN ('WAITING')"
    )
    partial_index(
        "ix_tokens_held",
        "tokens",
        "queue_id",
        "held_by",
        where="status IN ('CALLED', 'IN_PROGRESS')",
    )


def _make_journal() -> None:
    op.create_table(
        "journal",
        sa.Column("entry_id", GUID(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("created_at", DateTimeUTC(), nullable=False),
        sa.Column("is_pending", sa.Boolean(), nullable=False),
        sa.Column("event", sa.Text(), nullable=False),
        sa.Column("actor_kind", sa.Text(), nullable=False),
        sa.Column("actor_id", GUID(), nullable=True),
        sa.Column("actor_role", sa.Text(), nullable=True),
        sa.Column("clinic_id", GUID(), nullable=True),
        sa.Column("queue_id", GUID(), nullable=True),
        sa.Column("token_id", GUID(), nullable=True),
        sa.Column("from_status", sa.Text(), nullable=True),
        sa.Column("to_status", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("request_id", sa.Text(), nullable=True),
        sa.Column("content", sa.LargeBinary(), nullable=True),
        sa.CheckConstraint("number >= 0", name=op.f("ck_journal_number")),
        sa.CheckConstraint(
            "actor_kind IN ('DISPLAY', 'GUEST', 'SYSTEM', 'USER')",
            name=op.f("ck_journal_actor_kind"),
        ),
        sa.PrimaryKeyConstraint("entry_id", "number", name=op.f("pk_journal")),
    )


def _write_history_of_tokens() -> None:
    """Entries of their own, named by the ids of what they tell of, and announced long ago."""
    columns = (
        "INSERT INTO journal (entry_id, number, created_at, is_pending, event, actor_kind, "
        "actor_id, actor_role, clinic_id, queue_id, token_id, from_status, to_status) SELECT "
    )
    op.execute(
        f"{columns} tokens.id, 0, tokens.created_at, false, 'TokenIssued', 'USER', "
        "tokens.patient_id, 'PATIENT', queues.clinic_id, tokens.queue_id, tokens.id, NULL, "
        "'WAITING' FROM tokens JOIN queues ON queues.id = tokens.queue_id"
    )
    for action, (event, came_from, to) in _ACTIONS.items():
        op.execute(
            f"{columns} done.id, 0, done.created_at, false, '{event}', 'USER', done.staff_id, "
            # Who is a patient by now was staff then.
            "CASE WHEN users.role = 'ADMIN' THEN 'ADMIN' ELSE 'STAFF' END, "
            f"queues.clinic_id, tokens.queue_id, tokens.id, {came_from}, '{to}' "
            "FROM staff_activities AS done JOIN tokens ON tokens.id = done.token_id "
            "JOIN queues ON queues.id = tokens.queue_id JOIN users ON users.id = done.staff_id "
            f"WHERE done.action = '{action}'"
        )
    op.execute(
        f"{columns} tokens.id, 1, tokens.cancelled_at, false, 'TokenCancelled', 'USER', "
        "tokens.patient_id, 'PATIENT', queues.clinic_id, tokens.queue_id, tokens.id, 'WAITING', "
        "'CANCELLED' FROM tokens JOIN queues ON queues.id = tokens.queue_id "
        "WHERE tokens.cancelled_at IS NOT NULL"
    )


_JOURNAL = sa.table(
    "journal",
    sa.column("entry_id", GUID()),
    sa.column("number", sa.Integer()),
    sa.column("created_at", DateTimeUTC()),
    sa.column("is_pending", sa.Boolean()),
    sa.column("event", sa.Text()),
    sa.column("actor_kind", sa.Text()),
    sa.column("content", sa.LargeBinary()),
)
_OUTBOX = sa.table(
    "outbox",
    sa.column("id", GUID()),
    sa.column("created_at", DateTimeUTC()),
    sa.column("events", sa.LargeBinary()),
    sa.column("sent_at", DateTimeUTC()),
)


def _move_outbox_to_journal() -> None:
    """What waits to be announced; what it is about has its history already."""
    connection = op.get_bind()
    for entry in connection.execute(sa.select(_OUTBOX).where(_OUTBOX.c.sent_at.is_(None))):
        for number, (name, fields) in enumerate(json.loads(entry.events)):
            connection.execute(
                sa.insert(_JOURNAL).values(
                    entry_id=entry.id,
                    number=number,
                    created_at=entry.created_at,
                    is_pending=number == 0,
                    event=_RENAMED.get(name, name),
                    actor_kind="SYSTEM",
                    content=json.dumps(_as_it_is_now(fields)).encode(),
                )
            )


def _index_journal() -> None:
    partial_index("ix_journal_pending", "journal", "created_at", "entry_id", where="is_pending")
    for column in ("token", "clinic"):
        partial_index(
            f"ix_journal_{column}",
            "journal",
            f"{column}_id",
            "created_at",
            "entry_id",
            where=f"{column}_id IS NOT NULL",
        )
    op.create_index(
        "ix_journal_created_at",
        "journal",
        ["created_at"],
        postgresql_using="brin",
        postgresql_with={"autosummarize": "on"},
    )


def _move_journal_to_outbox() -> None:
    connection = op.get_bind()
    before = {now: then for then, now in _RENAMED.items()}
    pending = sa.select(_JOURNAL.c.entry_id).where(sa.text("is_pending"))
    rows = connection.execute(
        sa.select(_JOURNAL)
        .where(_JOURNAL.c.entry_id.in_(pending), _JOURNAL.c.content.is_not(None))
        .order_by(_JOURNAL.c.entry_id, _JOURNAL.c.number)
    ).all()
    for _, (first, *others) in _by_entry(rows):
        events = [
            [before.get(row.event, row.event), _as_it_was(json.loads(row.content))]
            for row in (first, *others)
        ]
        connection.execute(
            sa.insert(_OUTBOX).values(
                id=first.entry_id,
                created_at=first.created_at,
                events=json.dumps(events).encode(),
            )
        )


def _move_journal_to_staff_activities() -> None:
    """The first of a transaction gets its id, and the others new ones."""
    is_sqlite = op.get_context().dialect.name == "sqlite"
    new_id = "randomblob(16)" if is_sqlite else "gen_random_uuid()"
    action = " ".join(f"WHEN '{event}' THEN '{name}'" for name, (event, *_) in _ACTIONS.items())
    events = ", ".join(f"'{event}'" for event, *_ in _ACTIONS.values())
    op.execute(
        "INSERT INTO staff_activities (id, staff_id, token_id, action, created_at) "
        f"SELECT CASE WHEN number = 0 THEN entry_id ELSE {new_id} END, actor_id, token_id, "
        f"CASE event {action} END, created_at FROM journal "
        f"WHERE event IN ({events}) AND token_id IS NOT NULL AND actor_kind = 'USER'"
    )


def _by_entry(rows: Iterable[Any]) -> Iterator[tuple[UUID, Iterator[Any]]]:
    return groupby(rows, key=lambda row: row.entry_id)


def _as_it_is_now(fields: dict[str, Any]) -> dict[str, Any]:
    actor_id = fields.pop("actor_id")
    actor = _NOBODY if actor_id is None else {**_NOBODY, "kind": "USER", "id": actor_id}
    now = {**fields, "actor": actor}
    if "queue" in now:
        status = dict(now["queue"])
        status["now_serving"] = status.pop("current_number")
        now["queue"] = status
    if "token" in now:
        token = dict(now["token"])
        token["assigned_to"] = token.pop("held_by", None)
        token["place"] = token["number"] * PLACE_STEP
        token["version"] = 1 + sum(token.get(stamp) is not None for stamp in _STAMPS)
        now["token"] = token
    return now


def _as_it_was(fields: dict[str, Any]) -> dict[str, Any]:
    then = {**fields, "actor_id": fields["actor"]["id"]}
    del then["actor"]
    then.pop("reason", None)
    if "queue" in then:
        status = dict(then["queue"])
        status["current_number"] = status.pop("now_serving")
        then["queue"] = status
    if "token" in then:
        token = dict(then["token"])
        token["held_by"] = token.pop("assigned_to")
        for added in ("place", "priority", "version"):
            token.pop(added, None)
        then["token"] = token
    return then


def _make_staff_activities() -> None:
    op.create_table(
        "staff_activities",
        sa.Column("id", GUID(), nullable=False),
        sa.Column("staff_id", GUID(), nullable=False),
        sa.Column("token_id", GUID(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("created_at", DateTimeUTC(), nullable=False),
        sa.CheckConstraint(
            "action IN ('CALL', 'COMPLETE', 'SKIP', 'START')",
            name=op.f("ck_staff_activities_action"),
        ),
        sa.ForeignKeyConstraint(
            ["staff_id"], ["users.id"], name=op.f("fk_staff_activities_staff_id_users")
        ),
        sa.ForeignKeyConstraint(
            ["token_id"], ["tokens.id"], name=op.f("fk_staff_activities_token_id_tokens")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_staff_activities")),
    )
    op.create_index(
        "ix_staff_activities_token", "staff_activities", ["token_id", "created_at", "id"]
    )


def _make_outbox() -> None:
    op.create_table(
        "outbox",
        sa.Column("id", GUID(), nullable=False),
        sa.Column("created_at", DateTimeUTC(), nullable=False),
        sa.Column("events", sa.LargeBinary(), nullable=False),
        sa.Column("sent_at", DateTimeUTC(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox")),
    )
    partial_index("ix_outbox_pending", "outbox", "created_at", "id", where="sent_at IS NULL")
