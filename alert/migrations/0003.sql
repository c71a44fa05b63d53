-- How sending goes: how often it was tried, when it is tried next, and why it failed.
ALTER TABLE outbox ADD COLUMN attempts INTEGER NOT NULL DEFAULT 0;
ALTER TABLE outbox ADD COLUMN next_at INTEGER NOT NULL DEFAULT 0; -- Unix milliseconds
ALTER TABLE outbox ADD COLUMN since INTEGER NOT NULL DEFAULT 0;   -- when it was decided
ALTER TABLE outbox ADD COLUMN error TEXT NOT NULL DEFAULT '';
-- What was sent last through a channel about an alert, and what the channel calls it.
CREATE TABLE sent (
    channel TEXT NOT NULL,
    alert   TEXT NOT NULL,
    ref     TEXT NOT NULL,
    at      INTEGER NOT NULL, -- Unix milliseconds
    PRIMARY KEY (channel, alert)
) STRICT, WITHOUT ROWID;
-- What could not be sent, and is not tried any more; and what was beyond a budget.
CREATE TABLE failed (
    seq     INTEGER PRIMARY KEY AUTOINCREMENT,
    channel TEXT NOT NULL,
    alert   TEXT NOT NULL,
    body    TEXT NOT NULL CHECK (json_valid(body)),
    at      INTEGER NOT NULL,
    budget  INTEGER NOT NULL, -- whether it was the budget
    error   TEXT NOT NULL
) STRICT;
CREATE INDEX sent_at ON sent (channel, at);
CREATE INDEX outbox_channel ON outbox (channel, seq);
CREATE INDEX outbox_alert ON outbox (channel, alert);
