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

_BY_CONSTRAINT = {name: refusal for (name, _), refusal in CONFLICTS.items()}
_BY_COLUMNS = {columns: refusal for (_, columns), refusal in CONFLICTS.items()}

_UNIQUE_VIOLATION = "23505"
_LOST_RACES = frozenset({"40001", "40P01"})  # serialization_failure, deadlock_detected
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
        return _conflict(_BY_CONSTRAINT.get(reported or ""))
    if state in _LOST_RACES:
        return TransactionConflict()
    if state in _AWAY_EXACTLY or state[:2] in _AWAY:
        return _unavailable()
    return None


def _of_sqlite(driver: sqlite3.Error) -> Exception | None:
    code = getattr(driver, "sqlite_errorcode", 0)
    if code == sqlite3.SQLITE_CONSTRAINT_UNIQUE:
        return _conflict(_BY_COLUMNS.get(str(driver).partition(": ")[2]))
    return _unavailable() if code & 0xFF in _SQLITE_AWAY else None


def _conflict(refusal: tuple[str, str] | None) -> Conflict | None:
    return None if refusal is None else Conflict(*refusal)


def _unavailable() -> Unavailable:
    return Unavailable("The database is away or too busy. Please try again.", retry_after=1)
