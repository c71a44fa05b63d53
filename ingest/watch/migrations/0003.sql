-- How late what comes of a vendor usually is: its newest event once a delivery was whole,
-- its usual delay in milliseconds, and over how many deliveries that is known.
ALTER TABLE vendor ADD COLUMN whole INTEGER NOT NULL DEFAULT 0;
ALTER TABLE vendor ADD COLUMN lag REAL NOT NULL DEFAULT 0;
ALTER TABLE vendor ADD COLUMN deliveries INTEGER NOT NULL DEFAULT 0;
-- Whether a content was in the log before.
CREATE INDEX path_by_hash ON path (hash);
