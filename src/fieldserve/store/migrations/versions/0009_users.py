"""People who use the console, their sessions, and what its lists of jobs are read by."""

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

TABLES = """
CREATE TABLE users (
    user_id TEXT NOT NULL PRIMARY KEY,
    login TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    seller_id TEXT NOT NULL,
    role TEXT NOT NULL CHECK (role IN ('admin', 'dispatcher', 'analyst', 'developer', 'technician')),
    password_hash TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    technician_id TEXT,
    sealed_totp TEXT,
    totp_step BIGINT NOT NULL,
    language TEXT NOT NULL,
    failures INTEGER NOT NULL CHECK (failures >= 0),
    failed_at BIGINT NOT NULL,
    disabled_at BIGINT,
    FOREIGN KEY (seller_id, technician_id) REFERENCES technicians,
    CHECK ((role = 'technician') = (technician_id IS NOT NULL))
);
CREATE INDEX users_of_seller ON users (seller_id, login);

CREATE TABLE user_sessions (
    session_hash TEXT NOT NULL PRIMARY KEY,
    user_id TEXT NOT NULL REFERENCES users,
    created_at BIGINT NOT NULL,
    seen_at BIGINT NOT NULL,
    agent TEXT NOT NULL
);
CREATE INDEX user_sessions_of_user ON user_sessions (user_id, seen_at);
CREATE INDEX user_sessions_by_use ON user_sessions (seen_at);

CREATE INDEX jobs_of_seller ON jobs (seller_id, created_at, service_job_id);
CREATE INDEX jobs_of_seller_by_status ON jobs (seller_id, status, created_at, service_job_id);
"""


def upgrade() -> None:
    """Add tables and indexes."""
    op.execute(TABLES)
