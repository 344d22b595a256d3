"""Plans of routes, travel times that were asked for, centres of postal codes, and calendars of technicians.

A plan's document names jobs and technicians by id and holds no place of theirs. Travel times are kept under rounded
places; they are nobody's, so their key has no seller.
"""

from alembic import op

revision = "0008"
down_revision = "0001"
branch_labels = None
depends_on = None

TABLES = """
CREATE TABLE plans (
    seller_id TEXT NOT NULL REFERENCES sellers,
    plan_id TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('DRAFT', 'APPLIED', 'UNDONE', 'SUPERSEDED')),
    first_day TEXT NOT NULL,
    days INTEGER NOT NULL CHECK (days BETWEEN 1 AND 7),
    stores TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    changed_at BIGINT NOT NULL,
    base_plan_id TEXT,
    document TEXT NOT NULL,
    seen TEXT NOT NULL,
    applied TEXT,
    PRIMARY KEY (seller_id, plan_id)
);
CREATE INDEX plans_by_day ON plans (seller_id, first_day, created_at, plan_id);

CREATE TABLE travel_times (
    source TEXT NOT NULL,
    profile TEXT NOT NULL,
    hour INTEGER NOT NULL CHECK (hour BETWEEN -1 AND 23),
    from_place TEXT NOT NULL,
    to_place TEXT NOT NULL,
    seconds INTEGER NOT NULL CHECK (seconds >= 0),
    metres BIGINT NOT NULL CHECK (metres >= 0),
    stored_at BIGINT NOT NULL,
    PRIMARY KEY (source, profile, hour, from_place, to_place)
);
CREATE INDEX travel_times_from ON travel_times (from_place);
CREATE INDEX travel_times_to ON travel_times (to_place);
CREATE INDEX travel_times_by_age ON travel_times (stored_at);

CREATE TABLE postal_codes (
    country_code TEXT NOT NULL CHECK (length(country_code) = 2),
    postal_code TEXT NOT NULL,
    latitude DOUBLE PRECISION NOT NULL CHECK (latitude BETWEEN -90 AND 90),
    longitude DOUBLE PRECISION NOT NULL CHECK (longitude BETWEEN -180 AND 180),
    PRIMARY KEY (country_code, postal_code)
);

CREATE TABLE calendar_feeds (
    token_hash TEXT NOT NULL PRIMARY KEY,
    feed_id TEXT NOT NULL UNIQUE,
    seller_id TEXT NOT NULL,
    technician_id TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    revoked_at BIGINT,
    FOREIGN KEY (seller_id, technician_id) REFERENCES technicians
);
CREATE INDEX calendar_feeds_of_technician ON calendar_feeds (seller_id, technician_id);

ALTER TABLE stores ADD COLUMN travel_aware_slots INTEGER NOT NULL DEFAULT 0 CHECK (travel_aware_slots IN (0, 1));
ALTER TABLE stores ADD COLUMN smart_slots INTEGER NOT NULL DEFAULT 0 CHECK (smart_slots IN (0, 1));
"""


def upgrade() -> None:
    """Add them."""
    op.execute(TABLES)
