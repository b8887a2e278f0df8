"""What an error of either database means: a refusal of the domain, a lost race, or an outage.

Postgres is understood by SQLSTATE and constraint name, SQLite by result code and the columns
that its message names.
"""

from __future__ import annotations

import sqlite3

from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from qure.application.ports.storage import TransactionConflict
from qure.domain.errors import Conflict, Unavailable

CONFLICTS = {
    ("uq_users_email", "users.email"): (
        "email_taken",
        "There is already an account with this e-mail address.",
    ),
    (
        "uq_clinics_name_position",
        "clinics.name_folded, clinics.latitude, clinics.longitude",
    ): ("clinic_exists", "There is already a clinic of this name at this place."),
    ("uq_services_name", "services.clinic_id, services.name_folded"): (
        "service_exists",
        "There is already a service of this name.",
    ),
    ("uq_services_prefix", "services.clinic_id, services.prefix"): (
        "prefix_taken",
        "There is already a service with this prefix.",
    ),
    ("uq_queues_service_date", "queues.service_id, queues.date"): (
        "queue_exists",
        "This clinic already has a queue for today.",
    ),
    ("uq_tokens_active", "tokens.queue_id, tokens.patient_id"): (
        "active_token_exists",
        "You already have an active token in this queue.",
    ),
    ("uq_tokens_queue_number", "tokens.queue_id, tokens.number"): (
        "token_number_taken",
        "This number has been issued already.",
    ),
}
"""The unique constraint's name (Postgres) and its columns (SQLite), and the domain's word."""

LOST_RACES = (
    ("uq_desks_staff", "desks.staff_id"),
    ("pk_kept_answers", "kept_answers.scope, kept_answers.key"),
    ("uq_display_pairings_user_code", "display_pairings.user_code"),
)
"""Likewise those that nobody breaks who has looked before, unless another one does the same at
that moment: done again, the work finds what the other one did."""

_BY_CONSTRAINT = {name: refusal for (name, _), refusal in CONFLICTS.items()}
_BY_COLUMNS = {columns: refusal for (_, columns), refusal in CONFLICTS.items()}
_LOST_BY_CONSTRAINT = frozenset(name for name, _ in LOST_RACES)
_LOST_BY_COLUMNS = frozenset(columns for _, columns in LOST_RACES)

_UNIQUE_VIOLATION = "23505"
_LOST_STATES = frozenset({"40001", "40P01"})  # serialization_failure, deadlock_detected
_AWAY = frozenset(
    {
        "08",  # connection exceptions
        "28",  # we may not log in
        "3D",  # no such database
        "53",  # insufficient resources: disk full, out of memory, too many connections
        "57",  # operator intervention: cancelled by a timeout, shutting down, starting up
        "58",  # system errors outside Postgres
    }
)
_AWAY_EXACTLY = frozenset(
    {
        "25006",  # read_only_sql_transaction: we were switched over to a replica
        "25P03",  # idle_in_transaction_session_timeout
        "55P03",  # lock_not_available: the lock timeout
    }
)
_SQLITE_NOT_UNIQUE = frozenset(
    {sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY}
)
_SQLITE_AWAY = frozenset(
    {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_NOMEM,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_CANTOPEN,
    }
)


def translate(error: Exception) -> Exception:
    """The error as the port promises it; one that is a fault of ours comes back as it is.

    In no case does it show the values of a row any longer: errors end up in logs.
    """
    meaning = _meaning(error)
    _forget_values(error)
    return meaning


def _forget_values(error: BaseException | None) -> None:
    """Postgres spells out the row that broke a rule in the DETAIL of its error."""
    while error is not None:
        if isinstance(getattr(error, "detail", None), str):
            error.detail = None  # type: ignore[attr-defined]
        error = error.__cause__


def _meaning(error: Exception) -> Exception:
    if isinstance(error, PoolTimeoutError | OSError):  # TimeoutError is an OSError
        return _unavailable()
    if isinstance(error, DBAPIError) and error.connection_invalidated:
        return _unavailable()
    driver = error.orig if isinstance(error, DBAPIError) else error
    if isinstance(driver, sqlite3.Error):
        return _of_sqlite(driver) or error
    state = getattr(driver, "sqlstate", None)
    return error if state is None else _of_postgres(driver, state) or error


def _of_postgres(driver: BaseException | None, state: str) -> Exception | None:
    if state == _UNIQUE_VIOLATION:
        reported = getattr(driver, "constraint_name", None) or getattr(
            getattr(driver, "__cause__", None), "constraint_name", None
        )
        if reported in _LOST_BY_CONSTRAINT:
            return TransactionConflict()
        return _conflict(_BY_CONSTRAINT.get(reported or ""))
    if state in _LOST_STATES:
        return TransactionConflict()
    if state in _AWAY_EXACTLY or state[:2] in _AWAY:
        return _unavailable()
    return None


def _of_sqlite(driver: sqlite3.Error) -> Exception | None:
    code = getattr(driver, "sqlite_errorcode", 0)
    if code in _SQLITE_NOT_UNIQUE:
        columns = str(driver).partition(": ")[2]
        if columns in _LOST_BY_COLUMNS:
            return TransactionConflict()
        return _conflict(_BY_COLUMNS.get(columns))
    return _unavailable() if code & 0xFF in _SQLITE_AWAY else None


def _conflict(refusal: tuple[str, str] | None) -> Conflict | None:
    return None if refusal is None else Conflict(*refusal)


def _unavailable() -> Unavailable:
    return Unavailable("The database is away or too busy. Please try again.", retry_after=1)
