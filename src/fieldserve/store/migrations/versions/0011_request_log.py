"""The request log: requests and their answers, masked, until they are older or more than the settings keep.

`document` is the whole record as the operator API answers it, `words` what a search for text looks at.
"""

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

REQUESTS = """
CREATE TABLE request_log (
    sequence {identity},
    at BIGINT NOT NULL,
    request_id TEXT NOT NULL,
    operation_id TEXT NOT NULL,
    method TEXT NOT NULL,
    path TEXT NOT NULL,
    status INTEGER NOT NULL,
    microseconds BIGINT NOT NULL,
    seller_id TEXT,
    application_id TEXT,
    service_job_id TEXT,
    findings INTEGER NOT NULL,
    document TEXT NOT NULL,
    words TEXT NOT NULL
);
CREATE INDEX request_log_by_time ON request_log (at);
CREATE INDEX request_log_by_id ON request_log (request_id);
CREATE INDEX request_log_of_seller ON request_log (seller_id, sequence);
CREATE INDEX request_log_of_job ON request_log (service_job_id, sequence);
"""

IDENTITY = {
    "sqlite": "INTEGER PRIMARY KEY AUTOINCREMENT",
    "postgresql": "BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY",
}


def upgrade() -> None:
    """Add the log."""
    op.execute(REQUESTS.format(identity=IDENTITY[op.get_context().dialect.name]))
