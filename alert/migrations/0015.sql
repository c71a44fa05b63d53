-- Rows that only tell of a decision, and dead letters that may have been sent for all that.
ALTER TABLE outbox ADD COLUMN decision INTEGER NOT NULL DEFAULT 0;
ALTER TABLE failed ADD COLUMN decision INTEGER NOT NULL DEFAULT 0;
ALTER TABLE failed ADD COLUMN begun INTEGER NOT NULL DEFAULT 0;
-- What was decided about alerts last, as channels are told: JSON.
CREATE TABLE decided (
    alert TEXT PRIMARY KEY,
    body  TEXT NOT NULL CHECK (json_valid(body))
) STRICT, WITHOUT ROWID;
-- Up to which decision of feed.db channels have been told; without a row, none that was made before counts.
CREATE TABLE decisions_read (one INTEGER PRIMARY KEY CHECK (one = 1), seq INTEGER NOT NULL) STRICT;
