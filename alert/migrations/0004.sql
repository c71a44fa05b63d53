-- What became of alerts, in the order in which it did: the feed. It does not change, but
-- for what is too old.
CREATE TABLE change (
    seq      INTEGER PRIMARY KEY AUTOINCREMENT,
    alert    TEXT NOT NULL,
    user     TEXT NOT NULL,
    detector TEXT NOT NULL,
    severity INTEGER NOT NULL,
    shown    INTEGER NOT NULL, -- whether it deserves attention
    hash     INTEGER NOT NULL,
    at       INTEGER NOT NULL, -- Unix milliseconds
    body     TEXT NOT NULL CHECK (json_valid(body))
) STRICT;
CREATE INDEX change_alert ON change (alert, seq);
CREATE INDEX change_user ON change (user, seq);
CREATE INDEX change_severity ON change (severity, seq);
