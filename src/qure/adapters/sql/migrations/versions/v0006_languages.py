"""Which languages a clinic's pages and displays speak: at first, as each browser wishes.

Going back, what was chosen is given up.
"""

from __future__ import annotations

from qure.adapters.sql.migrations.altering import JSON, Added, add_filled, altered, drop, require

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

CLINICS = (Added("languages", JSON, "'[]'"),)


def upgrade() -> None:
    add_filled("clinics", CLINICS)
    with altered("clinics") as clinics:
        require(clinics, CLINICS)


def downgrade() -> None:
    with altered("clinics") as clinics:
        drop(clinics, CLINICS)
