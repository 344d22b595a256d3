"""Identities: whom a company's own sign-in says that a user is."""

from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """By issuer and subject, which never change; names and addresses may."""
    op.execute("""
CREATE TABLE identities (
    issuer TEXT NOT NULL,
    subject TEXT NOT NULL,
    user_id TEXT NOT NULL REFERENCES users,
    PRIMARY KEY (issuer, subject)
)""")
