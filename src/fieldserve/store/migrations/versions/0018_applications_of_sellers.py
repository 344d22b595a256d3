"""Applications that a seller registered for itself, beside those of the operator's house."""

from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """A column that is empty for those that there are: they are the operator's."""
    op.execute("ALTER TABLE applications ADD COLUMN seller_id TEXT REFERENCES sellers")
