"""Pins: appointments that a dispatcher wants left with their technicians, whatever is planned."""

from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """A table beside the appointments, so that booking and moving need not know of it."""
    op.execute("""
CREATE TABLE pins (
    seller_id TEXT NOT NULL,
    appointment_id TEXT NOT NULL,
    pinned_at BIGINT NOT NULL,
    PRIMARY KEY (seller_id, appointment_id),
    FOREIGN KEY (seller_id, appointment_id) REFERENCES appointments
)""")
