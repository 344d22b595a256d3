"""Webhooks: where they go, how far the event log has been read for them, and what is still to be delivered.

A delivery is claimed by moving its `next_at` behind the time that a receiver has to answer: whoever claims it and is
killed leaves it to come due again. Secrets are sealed with the master key.
"""

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

WEBHOOKS = """
CREATE TABLE webhooks (
    webhook_id TEXT NOT NULL PRIMARY KEY,
    seller_id TEXT NOT NULL REFERENCES sellers,
    application_id TEXT REFERENCES applications,
    url TEXT NOT NULL,
    description TEXT NOT NULL,
    event_types TEXT NOT NULL,
    payload TEXT NOT NULL CHECK (payload IN ('THIN', 'JOB', 'JOB_WITH_PERSON')),
    sealed_secret TEXT NOT NULL,
    sealed_previous TEXT,
    previous_until BIGINT,
    since BIGINT NOT NULL,
    failing_since BIGINT,
    disabled_reason TEXT,
    created_at BIGINT NOT NULL
);
CREATE INDEX webhooks_of_seller ON webhooks (seller_id, webhook_id);

CREATE TABLE webhook_cursor (
    name TEXT NOT NULL PRIMARY KEY,
    sequence BIGINT NOT NULL
);
INSERT INTO webhook_cursor (name, sequence) VALUES ('events', 0);

CREATE TABLE webhook_deliveries (
    sequence {identity},
    webhook_id TEXT NOT NULL REFERENCES webhooks ON DELETE CASCADE,
    message_id TEXT NOT NULL,
    event_sequence BIGINT,
    type TEXT NOT NULL,
    at BIGINT NOT NULL,
    service_job_id TEXT,
    data TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('WAITING', 'DELIVERED', 'DEAD', 'DROPPED')),
    tries INTEGER NOT NULL,
    next_at BIGINT NOT NULL,
    ended_at BIGINT,
    status INTEGER,
    said TEXT,
    UNIQUE (webhook_id, event_sequence)
);
CREATE INDEX webhook_deliveries_due ON webhook_deliveries (next_at) WHERE state = 'WAITING';
CREATE INDEX webhook_deliveries_of_webhook ON webhook_deliveries (webhook_id, sequence);
"""

IDENTITY = {
    "sqlite": "INTEGER PRIMARY KEY AUTOINCREMENT",
    "postgresql": "BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY",
}


def upgrade() -> None:
    """Add the tables."""
    op.execute(WEBHOOKS.format(identity=IDENTITY[op.get_context().dialect.name]))
