"""A clinic's whole day: services and desks, guests and displays, and all that a token may do.

Going back, all is kept that the version before knew. Who has no e-mail address gets one that
leads nowhere, and is locked out; places become those of numbers again, in the same order.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from advanced_alchemy.types import GUID, DateTimeUTC
from alembic import op

from qure.adapters.sql.migrations import events_of_0004, tables_of_0004
from qure.adapters.sql.migrations.altering import (
    JSON,
    add_filled,
    altered,
    check,
    drop,
    partial_index,
    require,
    uncheck,
)
from qure.adapters.sql.migrations.tables_of_0004 import (
    CHECKS,
    CLINICS,
    PLACE_STEP,
    QUEUES,
    TOKENS,
    USERS,
    USERS_OF_0003,
)

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

PLACE_STEP_OF_0003 = 1 << 20
PLACES_GROW = PLACE_STEP // PLACE_STEP_OF_0003

SHOWN_NEXT = 5
MAX_PRIORITY_RUN = 2

# A hash as bcrypt writes one, which no password has.
NOBODYS_HASH = "$2b$10$" + "." * 53


def upgrade() -> None:
    now = datetime.now(UTC)
    _let_clinics_decide()
    _name_services()
    _let_users_be_without_login()
    _let_queues_show_more()
    _let_tokens_do_more()
    _tell_who_is_next(now)
    _name_patients(now)
    op.add_column("journal", sa.Column("desk_id", GUID(), nullable=True))
    op.add_column("journal", sa.Column("desk_name", sa.Text(), nullable=True))
    events_of_0004.bring_up(now, places_grow=PLACES_GROW)
    tables_of_0004.make()


def downgrade() -> None:
    tables_of_0004.drop()
    events_of_0004.bring_down(datetime.now(UTC), places_grow=PLACES_GROW)
    op.execute("UPDATE journal SET actor_role = NULL WHERE actor_role = 'DISPLAY'")
    op.drop_column("journal", "desk_name")
    op.drop_column("journal", "desk_id")
    _let_tokens_do_less()
    _let_queues_show_less()
    _give_all_users_a_login()
    _take_names_of_services()
    _let_clinics_decide_less()


def _let_clinics_decide() -> None:
    add_filled("clinics", CLINICS)
    with altered("clinics") as clinics:
        require(clinics, CLINICS)
        check(clinics, "clinics", CHECKS["clinics"])
        clinics.create_unique_constraint("uq_clinics_join_digest", ["join_digest"])


def _let_clinics_decide_less() -> None:
    with altered("clinics") as clinics:
        clinics.drop_constraint("uq_clinics_join_digest", type_="unique")
        uncheck(clinics, "clinics", CHECKS["clinics"])
        drop(clinics, CLINICS)


def _name_services() -> None:
    """Folded here, so that every database finds the same; there are few different names."""
    op.add_column("services", sa.Column("name_folded", sa.Text(), nullable=True))
    connection = op.get_bind()
    services = sa.table("services", sa.column("name", sa.Text()), sa.column("name_folded"))
    for name in connection.scalars(sa.select(services.c.name).distinct()).all():
        named = sa.update(services).where(services.c.name == name)
        connection.execute(named.values(name_folded=name.casefold()))
    with altered("services") as changed:
        changed.alter_column("name_folded", existing_type=sa.Text(), nullable=False)
    partial_index(
        "uq_services_name", "services", "clinic_id", "name_folded", where="is_active", unique=True
    )
    # Those that had to stop when the database went back.
    op.execute(
        "UPDATE services SET next_opening_at = updated_at WHERE next_opening_at IS NULL "
        "AND auto_open_queue AND is_active AND NOT is_default "
        "AND clinic_id IN (SELECT id FROM clinics WHERE is_active)"
    )


def _take_names_of_services() -> None:
    op.drop_index("uq_services_name", table_name="services")
    op.drop_column("services", "name_folded")
    # 0003 opens the queue of a default service only, and would find the others due for ever.
    op.execute("UPDATE services SET next_opening_at = NULL WHERE NOT is_default")


def _let_users_be_without_login() -> None:
    add_filled("users", USERS)
    with altered("users") as users:
        require(users, USERS)
        users.alter_column("email", existing_type=sa.Text(), nullable=True)
        users.alter_column("password_hash", existing_type=sa.Text(), nullable=True)
        uncheck(users, "users", USERS_OF_0003)
        check(users, "users", CHECKS["users"])


def _give_all_users_a_login() -> None:
    is_sqlite = op.get_context().dialect.name == "sqlite"
    hex_id = "lower(hex(id))" if is_sqlite else "replace(CAST(id AS TEXT), '-', '')"
    op.execute(
        f"UPDATE users SET email = 'guest-' || {hex_id} || '@guest.invalid', is_active = false "
        "WHERE email IS NULL"
    )
    # 0003 cannot read a hash that is none.
    op.execute(f"UPDATE users SET password_hash = '{NOBODYS_HASH}' WHERE password_hash IS NULL")
    op.execute("UPDATE users SET role = 'PATIENT', clinic_id = NULL WHERE role = 'DISPLAY'")
    with altered("users") as users:
        uncheck(users, "users", CHECKS["users"])
        check(users, "users", USERS_OF_0003)
        users.alter_column("email", existing_type=sa.Text(), nullable=False)
        users.alter_column("password_hash", existing_type=sa.Text(), nullable=False)
        drop(users, USERS)


def _let_queues_show_more() -> None:
    """``ended_at`` stays open, also of days that are long past: the clock sees to them."""
    add_filled("queues", QUEUES, source="FROM services WHERE services.id = queues.service_id")
    with altered("queues") as queues:
        require(queues, QUEUES)
        check(queues, "queues", CHECKS["queues"])
    partial_index("ix_queues_ending", "queues", "day_ends_at", "id", where="ended_at IS NULL")
    partial_index(
        "ix_queues_notice_ends_at",
        "queues",
        "notice_ends_at",
        where="notice_ends_at IS NOT NULL",
    )


def _let_queues_show_less() -> None:
    op.drop_index("ix_queues_ending", table_name="queues")
    op.drop_index("ix_queues_notice_ends_at", table_name="queues")
    with altered("queues") as queues:
        uncheck(queues, "queues", CHECKS["queues"])
        drop(queues, QUEUES)


def _let_tokens_do_more() -> None:
    op.drop_index("ix_tokens_waiting", table_name="tokens")
    add_filled(
        "tokens",
        TOKENS,
        source="FROM queues WHERE queues.id = tokens.queue_id",
        also={"place": f"place * {PLACES_GROW}"},
    )
    with altered("tokens") as tokens:
        require(tokens, TOKENS)
        check(tokens, "tokens", CHECKS["tokens"])
        tokens.create_foreign_key(
            op.f("fk_tokens_service_id_services"), "services", ["service_id"], ["id"]
        )
    _index_waiting("place", "number", where="status IN ('WAITING') AND NOT on_hold")
    partial_index("ix_tokens_called", "tokens", "last_called_at", where="status IN ('CALLED')")


def _let_tokens_do_less() -> None:
    op.drop_index("ix_tokens_called", table_name="tokens")
    op.drop_index("ix_tokens_waiting", table_name="tokens")
    # 0003 puts whoever comes at the place of their number. Counted anew, and not only divided, all
    # places are those of numbers that were given: so nobody comes in between, or shares a place.
    op.execute(
        f"UPDATE tokens SET place = counted.place * {PLACE_STEP_OF_0003} FROM "
        "(SELECT id, row_number() OVER (PARTITION BY queue_id ORDER BY place, number) AS place "
        "FROM tokens) AS counted WHERE counted.id = tokens.id"
    )
    with altered("tokens") as tokens:
        tokens.drop_constraint(op.f("fk_tokens_service_id_services"), type_="foreignkey")
        uncheck(tokens, "tokens", CHECKS["tokens"])
        drop(tokens, TOKENS)
    _index_waiting("place", where="status IN ('WAITING')")


def _index_waiting(*order: str, where: str) -> None:
    partial_index("ix_tokens_waiting", "tokens", "queue_id", "priority", *order, where=where)


def _tell_who_is_next(now: datetime) -> None:
    """In the queues whose day goes on; of the others nobody asks it."""
    connection = op.get_bind()
    queues = sa.table(
        "queues",
        sa.column("id", GUID()),
        sa.column("waiting_count"),
        sa.column("priority_run"),
        sa.column("day_ends_at", DateTimeUTC()),
        sa.column("upcoming", JSON),
    )
    line = sa.text(
        "SELECT label, priority FROM tokens WHERE queue_id = :queue AND status = 'WAITING' "
        "ORDER BY place, number"
    ).bindparams(sa.bindparam("queue", type_=GUID()))
    going_on = (queues.c.waiting_count > 0) & (queues.c.day_ends_at > now)
    for queue in connection.execute(sa.select(queues).where(going_on)).all():
        waiting = connection.execute(line, {"queue": queue.id}).mappings()
        connection.execute(
            sa.update(queues)
            .where(queues.c.id == queue.id)
            .values(upcoming=_upcoming(waiting, queue.priority_run))
        )


def _upcoming(waiting: Iterable[Any], priority_run: int) -> list[dict[str, str]]:
    """The first of them in the order in which they are called."""
    lines: dict[str, list[dict[str, str]]] = {"URGENT": [], "PRIORITY": [], "NORMAL": []}
    for one in waiting:
        lines[one["priority"]].append(dict(one))
    order, priority, normal = lines.values()
    while len(order) < SHOWN_NEXT and (priority or normal):
        if priority and (not normal or priority_run < MAX_PRIORITY_RUN):
            order.append(priority.pop(0))
            priority_run = priority_run + 1 if normal else 0
        else:
            order.append(normal.pop(0))
            priority_run = 0
    return order[:SHOWN_NEXT]


def _name_patients(now: datetime) -> None:
    """For staff, of whom they may call yet."""
    op.execute(
        sa.text(
            "UPDATE tokens SET name = (SELECT trim(users.first_name || ' ' || users.last_name) "
            "FROM users WHERE users.id = tokens.patient_id) "
            "WHERE queue_id IN (SELECT id FROM queues WHERE day_ends_at > :now)"
        ).bindparams(sa.bindparam("now", now, type_=DateTimeUTC()))
    )
