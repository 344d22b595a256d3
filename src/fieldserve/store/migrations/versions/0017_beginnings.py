"""Beginnings: when a technician began a visit, told before the visit has an end."""

from alembic import op

revision = "0017"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """A table beside the appointments: what the API knows of a visit is its start and end together."""
    op.execute("""
CREATE TABLE beginnings (
    seller_id TEXT NOT NULL,
    appointment_id TEXT NOT NULL,
    technician_id TEXT NOT NULL,
    started_at BIGINT NOT NULL,
    PRIMARY KEY (seller_id, appointment_id),
    FOREIGN KEY (seller_id, appointment_id) REFERENCES appointments
)""")
