"""Views: filters of a page of the console that somebody keeps under a name."""

from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """A table of its own; a user's views go with the user."""
    op.execute("""
CREATE TABLE saved_views (
    seller_id TEXT NOT NULL REFERENCES sellers,
    view_id TEXT NOT NULL,
    user_id TEXT NOT NULL REFERENCES users,
    page TEXT NOT NULL,
    name TEXT NOT NULL,
    query TEXT NOT NULL,
    shared INTEGER NOT NULL CHECK (shared IN (0, 1)),
    PRIMARY KEY (seller_id, view_id)
)""")
    op.execute("CREATE INDEX saved_views_of_page ON saved_views (seller_id, page, name)")
