"""The first schema.

Times are BIGINT, microseconds since the Unix epoch, UTC. Every key begins with the seller, so that no statement reaches
another's rows by accident and the tables can be sharded by it. `document` of a job is what the API answers for it, byte
for byte; the columns beside it are what is searched, `details` what of the document no other column holds.
"""

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

TABLES = """
CREATE TABLE sellers (
    seller_id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    marketplaces TEXT NOT NULL,
    settings TEXT NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE TABLE resources (
    seller_id TEXT NOT NULL REFERENCES sellers,
    resource_id TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('STORE', 'TECHNICIAN')),
    name TEXT NOT NULL,
    time_zone TEXT NOT NULL,
    marketplace_id TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (seller_id, resource_id)
);

CREATE TABLE stores (
    seller_id TEXT NOT NULL,
    store_id TEXT NOT NULL,
    scheduling_type TEXT NOT NULL CHECK (scheduling_type IN ('REAL_TIME_SCHEDULING', 'NON_REAL_TIME_SCHEDULING')),
    latitude DOUBLE PRECISION,
    longitude DOUBLE PRECISION,
    PRIMARY KEY (seller_id, store_id),
    FOREIGN KEY (seller_id, store_id) REFERENCES resources (seller_id, resource_id)
);

CREATE TABLE technicians (
    seller_id TEXT NOT NULL,
    technician_id TEXT NOT NULL CHECK (length(technician_id) <= 50),
    skills TEXT NOT NULL,
    service_location_types TEXT NOT NULL,
    registered INTEGER NOT NULL CHECK (registered IN (0, 1)),
    background_checked INTEGER NOT NULL CHECK (background_checked IN (0, 1)),
    home_latitude DOUBLE PRECISION,
    home_longitude DOUBLE PRECISION,
    PRIMARY KEY (seller_id, technician_id),
    FOREIGN KEY (seller_id, technician_id) REFERENCES resources (seller_id, resource_id)
);

CREATE TABLE store_technicians (
    seller_id TEXT NOT NULL,
    store_id TEXT NOT NULL,
    technician_id TEXT NOT NULL,
    PRIMARY KEY (seller_id, store_id, technician_id),
    FOREIGN KEY (seller_id, store_id) REFERENCES stores,
    FOREIGN KEY (seller_id, technician_id) REFERENCES technicians
);
CREATE INDEX store_technicians_by_technician ON store_technicians (seller_id, technician_id);

CREATE TABLE services (
    seller_id TEXT NOT NULL REFERENCES sellers,
    asin TEXT NOT NULL CHECK (length(asin) = 10),
    title TEXT NOT NULL,
    duration_minutes INTEGER NOT NULL CHECK (duration_minutes BETWEEN 1 AND 10080),
    slot_interval_minutes INTEGER NOT NULL CHECK (slot_interval_minutes > 0),
    notice_minutes INTEGER NOT NULL CHECK (notice_minutes >= 0),
    buffer_before_minutes INTEGER NOT NULL CHECK (buffer_before_minutes BETWEEN 0 AND 1440),
    buffer_after_minutes INTEGER NOT NULL CHECK (buffer_after_minutes BETWEEN 0 AND 1440),
    service_location_type TEXT NOT NULL CHECK (service_location_type IN ('IN_HOME', 'IN_STORE', 'ONLINE')),
    skills TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (seller_id, asin)
);

CREATE TABLE schedule_records (
    seller_id TEXT NOT NULL,
    resource_id TEXT NOT NULL,
    position INTEGER NOT NULL,
    start_at BIGINT NOT NULL,
    end_at BIGINT NOT NULL,
    recurs_until BIGINT,
    days_of_week INTEGER NOT NULL,
    days_of_month BIGINT NOT NULL,
    capacity INTEGER NOT NULL CHECK (capacity >= 1),
    last_at BIGINT NOT NULL,
    PRIMARY KEY (seller_id, resource_id, position),
    FOREIGN KEY (seller_id, resource_id) REFERENCES resources,
    CHECK (start_at < end_at)
);
CREATE INDEX schedule_records_by_end ON schedule_records (seller_id, resource_id, last_at);

CREATE TABLE reservations (
    seller_id TEXT NOT NULL,
    reservation_id TEXT NOT NULL,
    resource_id TEXT NOT NULL,
    marketplace_id TEXT NOT NULL,
    type TEXT NOT NULL CHECK (type IN ('APPOINTMENT', 'TRAVEL', 'VACATION', 'BREAK', 'TRAINING')),
    start_at BIGINT NOT NULL,
    end_at BIGINT NOT NULL,
    recurs_until BIGINT,
    days_of_week INTEGER NOT NULL,
    days_of_month BIGINT NOT NULL,
    capacity INTEGER NOT NULL CHECK (capacity >= 1),
    last_at BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (seller_id, reservation_id),
    FOREIGN KEY (seller_id, resource_id) REFERENCES resources,
    CHECK (start_at < end_at)
);
CREATE INDEX reservations_by_resource ON reservations (seller_id, resource_id, last_at);

CREATE TABLE jobs (
    seller_id TEXT NOT NULL,
    service_job_id TEXT NOT NULL CHECK (length(service_job_id) BETWEEN 1 AND 63),
    marketplace_id TEXT NOT NULL,
    store_id TEXT NOT NULL,
    asin TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('NOT_SERVICED', 'CANCELLED', 'COMPLETED', 'PENDING_SCHEDULE',
        'NOT_FULFILLABLE', 'HOLD', 'PAYMENT_DECLINED')),
    service_order_id TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    latitude DOUBLE PRECISION,
    longitude DOUBLE PRECISION,
    details TEXT NOT NULL,
    document TEXT NOT NULL,
    erased_at BIGINT,
    PRIMARY KEY (seller_id, service_job_id),
    FOREIGN KEY (seller_id, store_id) REFERENCES stores,
    FOREIGN KEY (seller_id, asin) REFERENCES services
);
CREATE INDEX jobs_by_creation ON jobs (seller_id, marketplace_id, created_at, service_job_id);
CREATE INDEX jobs_by_update ON jobs (seller_id, marketplace_id, updated_at, service_job_id);
CREATE INDEX jobs_by_status ON jobs (seller_id, marketplace_id, status, created_at, service_job_id);
CREATE INDEX jobs_to_erase ON jobs (updated_at) WHERE erased_at IS NULL;

CREATE TABLE job_keys (
    seller_id TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('PRODUCT_ORDER', 'TRACKING', 'SKILL', 'BUYER')),
    value TEXT NOT NULL,
    service_job_id TEXT NOT NULL,
    PRIMARY KEY (seller_id, kind, value, service_job_id),
    FOREIGN KEY (seller_id, service_job_id) REFERENCES jobs
);

CREATE TABLE appointments (
    seller_id TEXT NOT NULL,
    appointment_id TEXT NOT NULL CHECK (length(appointment_id) <= 100),
    service_job_id TEXT NOT NULL,
    position INTEGER NOT NULL,
    store_id TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('ACTIVE', 'CANCELLED', 'COMPLETED')),
    start_at BIGINT NOT NULL,
    end_at BIGINT NOT NULL,
    buffer_before BIGINT NOT NULL CHECK (buffer_before BETWEEN 0 AND 86400000000),
    buffer_after BIGINT NOT NULL CHECK (buffer_after BETWEEN 0 AND 86400000000),
    waiting INTEGER NOT NULL CHECK (waiting IN (0, 1)),
    rescheduled_to TEXT,
    arrival_start BIGINT,
    arrival_end BIGINT,
    fulfillment_start BIGINT,
    fulfillment_end BIGINT,
    poa TEXT,
    PRIMARY KEY (seller_id, appointment_id),
    FOREIGN KEY (seller_id, service_job_id) REFERENCES jobs,
    UNIQUE (seller_id, service_job_id, position),
    CHECK (start_at < end_at AND end_at - start_at <= 604800000000)
);
CREATE INDEX appointments_of_store ON appointments (seller_id, store_id, end_at) WHERE status = 'ACTIVE';
CREATE UNIQUE INDEX one_active_appointment ON appointments (seller_id, service_job_id) WHERE status = 'ACTIVE';
CREATE INDEX appointments_by_start ON appointments (seller_id, start_at);

CREATE TABLE appointment_technicians (
    seller_id TEXT NOT NULL,
    appointment_id TEXT NOT NULL,
    technician_id TEXT NOT NULL,
    name TEXT NOT NULL,
    position INTEGER NOT NULL,
    active INTEGER NOT NULL CHECK (active IN (0, 1)),
    overbooked INTEGER NOT NULL CHECK (overbooked IN (0, 1)),
    start_at BIGINT NOT NULL,
    end_at BIGINT NOT NULL,
    PRIMARY KEY (seller_id, appointment_id, technician_id),
    FOREIGN KEY (seller_id, appointment_id) REFERENCES appointments,
    FOREIGN KEY (seller_id, technician_id) REFERENCES technicians
);
CREATE INDEX appointments_of_technician ON appointment_technicians (seller_id, technician_id, end_at) WHERE active = 1;

CREATE TABLE documents (
    seller_id TEXT NOT NULL,
    upload_destination_id TEXT NOT NULL,
    content_type TEXT NOT NULL,
    content_length BIGINT NOT NULL,
    content_md5 TEXT,
    sealed_key TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    upload_until BIGINT NOT NULL,
    keep_until BIGINT NOT NULL,
    uploaded_at BIGINT,
    blob_key TEXT,
    appointment_id TEXT,
    content_sha256 TEXT,
    attached_at BIGINT,
    PRIMARY KEY (seller_id, upload_destination_id),
    FOREIGN KEY (seller_id, appointment_id) REFERENCES appointments
);
CREATE INDEX documents_of_appointment ON documents (seller_id, appointment_id);
CREATE INDEX documents_waiting ON documents (keep_until) WHERE appointment_id IS NULL;

CREATE TABLE applications (
    application_id TEXT NOT NULL PRIMARY KEY,
    client_id TEXT NOT NULL UNIQUE,
    secret_hash TEXT NOT NULL,
    name TEXT NOT NULL,
    roles TEXT NOT NULL,
    redirect_uris TEXT NOT NULL,
    scopes TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    disabled_at BIGINT
);

CREATE TABLE authorizations (
    authorization_id TEXT NOT NULL PRIMARY KEY,
    application_id TEXT NOT NULL REFERENCES applications,
    seller_id TEXT NOT NULL REFERENCES sellers,
    marketplaces TEXT NOT NULL,
    stores TEXT,
    roles TEXT NOT NULL,
    usage_plan TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    revoked_at BIGINT
);
CREATE INDEX authorizations_of_seller ON authorizations (seller_id);

CREATE TABLE tokens (
    token_hash TEXT NOT NULL PRIMARY KEY,
    kind TEXT NOT NULL CHECK (kind IN ('ACCESS', 'REFRESH', 'CODE', 'RESTRICTED')),
    application_id TEXT NOT NULL REFERENCES applications,
    authorization_id TEXT REFERENCES authorizations,
    scope TEXT,
    grants TEXT,
    created_at BIGINT NOT NULL,
    expires_at BIGINT,
    revoked_at BIGINT
);
CREATE INDEX tokens_by_expiry ON tokens (expires_at);

CREATE TABLE sign_ins (
    code_hash TEXT NOT NULL PRIMARY KEY,
    seller_id TEXT NOT NULL REFERENCES sellers,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    session_hash TEXT UNIQUE,
    session_expires_at BIGINT,
    ended_at BIGINT
);
CREATE INDEX sign_ins_by_expiry ON sign_ins (expires_at);

CREATE TABLE operator_keys (
    key_hash TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    revoked_at BIGINT
);

CREATE TABLE idempotency_keys (
    scope TEXT NOT NULL,
    key TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    status INTEGER,
    answer TEXT,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (scope, key)
);
CREATE INDEX idempotency_keys_by_age ON idempotency_keys (created_at);
"""

# What the processes agree on about usage plans. Nobody needs it after a crash, so PostgreSQL keeps no log of it.
USAGE_BUCKETS = """
CREATE {unlogged} TABLE usage_buckets (
    seller_id TEXT NOT NULL,
    application_id TEXT NOT NULL,
    operation_id TEXT NOT NULL,
    bucket TEXT NOT NULL,
    PRIMARY KEY (seller_id, application_id, operation_id)
);
"""

UNLOGGED = {"sqlite": "", "postgresql": "UNLOGGED"}

EVENTS = """
CREATE TABLE events (
    sequence {identity},
    at BIGINT NOT NULL,
    seller_id TEXT NOT NULL,
    actor TEXT NOT NULL,
    kind TEXT NOT NULL,
    subject TEXT NOT NULL,
    request_id TEXT,
    before TEXT,
    after TEXT
);
CREATE INDEX events_of_subject ON events (seller_id, subject, sequence);
CREATE INDEX events_of_kind ON events (seller_id, kind, sequence);
"""

IDENTITY = {
    "sqlite": "INTEGER PRIMARY KEY AUTOINCREMENT",
    "postgresql": "BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY",
}

APPEND_ONLY = {
    "sqlite": """
CREATE TRIGGER events_stay BEFORE DELETE ON events BEGIN SELECT RAISE(ABORT, 'the event log is append-only'); END;
CREATE TRIGGER events_stand BEFORE UPDATE ON events BEGIN SELECT RAISE(ABORT, 'the event log is append-only'); END;
""",
    "postgresql": """
CREATE FUNCTION events_are_append_only() RETURNS trigger LANGUAGE plpgsql AS
    $body$ BEGIN RAISE EXCEPTION 'the event log is append-only'; END $body$;
CREATE TRIGGER events_stay BEFORE UPDATE OR DELETE ON events FOR EACH ROW EXECUTE FUNCTION events_are_append_only();
""",
}

# A technician is never in two places at once unless somebody overbooked on purpose. SQLite has no such constraint;
# there the one writer's check is the only guard.
NO_OVERLAP = {
    "sqlite": "",
    "postgresql": """
CREATE EXTENSION IF NOT EXISTS btree_gist;
ALTER TABLE appointment_technicians ADD CONSTRAINT no_unintended_overlap EXCLUDE USING gist
    (seller_id WITH =, technician_id WITH =, int8range(start_at, end_at) WITH &&)
    WHERE (active = 1 AND overbooked = 0);
""",
}


def upgrade() -> None:
    """Create everything."""
    dialect = op.get_context().dialect.name
    op.execute(TABLES + USAGE_BUCKETS.format(unlogged=UNLOGGED[dialect]))
    op.execute(EVENTS.format(identity=IDENTITY[dialect]) + APPEND_ONLY[dialect] + NO_OVERLAP[dialect])
