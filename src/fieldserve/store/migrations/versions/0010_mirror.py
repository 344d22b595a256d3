"""Jobs that live elsewhere: where each figure of a mirrored one is from, how far a mirror has read, and what goes out.

`mirrored_from` names the account that told of a job; of a store, technician or service it says that the row was made
up from what jobs tell, and that nobody has said more since. `details` of a mirrored job is its document as the source
last sent it, `synced_at` the moment before that was asked for.
"""

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

SOURCES = """
ALTER TABLE jobs ADD COLUMN mirrored_from TEXT;
ALTER TABLE jobs ADD COLUMN synced_at BIGINT;
CREATE INDEX jobs_mirrored ON jobs (mirrored_from, marketplace_id, synced_at) WHERE mirrored_from IS NOT NULL;
ALTER TABLE resources ADD COLUMN mirrored_from TEXT;
ALTER TABLE services ADD COLUMN mirrored_from TEXT;
"""

# `watermark` is by the source's clock: what changed before it has been read. `reading` is the reading under way.
MIRRORS = """
CREATE TABLE mirrors (
    account TEXT NOT NULL,
    marketplace_id TEXT NOT NULL,
    seller_id TEXT NOT NULL REFERENCES sellers,
    endpoint TEXT NOT NULL,
    token_endpoint TEXT,
    watermark BIGINT,
    reading TEXT,
    synced_at BIGINT,
    PRIMARY KEY (account, marketplace_id)
);

CREATE TABLE mirror_leases (
    account TEXT NOT NULL PRIMARY KEY,
    holder TEXT NOT NULL,
    until_at BIGINT NOT NULL
);

CREATE TABLE mirror_faults (
    account TEXT NOT NULL,
    service_job_id TEXT NOT NULL,
    marketplace_id TEXT NOT NULL,
    reason TEXT NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (account, service_job_id)
);

CREATE TABLE appointment_aliases (
    seller_id TEXT NOT NULL,
    alias TEXT NOT NULL,
    appointment_id TEXT NOT NULL,
    service_job_id TEXT NOT NULL,
    PRIMARY KEY (seller_id, alias),
    FOREIGN KEY (seller_id, service_job_id) REFERENCES jobs
);
CREATE INDEX appointment_aliases_of_job ON appointment_aliases (seller_id, service_job_id);
"""

# `doubtful`: the write was sent, and nobody knows yet whether it was carried out. `settled`: it has ended, and the job
# is again as the source tells it.
OUTBOX = """
CREATE TABLE outbox (
    sequence {identity},
    account TEXT NOT NULL,
    seller_id TEXT NOT NULL,
    service_job_id TEXT NOT NULL,
    appointment_id TEXT,
    makes_appointment TEXT,
    operation_id TEXT NOT NULL,
    request TEXT NOT NULL,
    idempotency_key TEXT NOT NULL,
    actor TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('WAITING', 'DONE', 'REFUSED', 'DROPPED')),
    doubtful INTEGER NOT NULL CHECK (doubtful IN (0, 1)),
    settled INTEGER NOT NULL CHECK (settled IN (0, 1)),
    tries INTEGER NOT NULL,
    next_at BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    ended_at BIGINT,
    said TEXT,
    FOREIGN KEY (seller_id, service_job_id) REFERENCES jobs
);
CREATE INDEX outbox_open ON outbox (account, next_at) WHERE settled = 0;
CREATE INDEX outbox_of_job ON outbox (seller_id, service_job_id, sequence);
"""

IDENTITY = {
    "sqlite": "INTEGER PRIMARY KEY AUTOINCREMENT",
    "postgresql": "BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY",
}


def upgrade() -> None:
    """Add what a mirror needs."""
    op.execute(SOURCES + MIRRORS + OUTBOX.format(identity=IDENTITY[op.get_context().dialect.name]))
