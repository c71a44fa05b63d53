-- Who may ask: tokens by their hash.
CREATE TABLE token (
    hash    BLOB PRIMARY KEY, -- SHA-256
    name    TEXT NOT NULL,
    role    TEXT NOT NULL,
    made    INTEGER NOT NULL, -- Unix milliseconds
    expires INTEGER NOT NULL,
    revoked INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;
-- What people have decided about alerts; the latest holds.
CREATE TABLE triage (
    seq      INTEGER PRIMARY KEY AUTOINCREMENT,
    alert    TEXT NOT NULL,
    at       INTEGER NOT NULL,
    who      TEXT NOT NULL,
    status   TEXT NOT NULL,
    assignee TEXT NOT NULL,
    note     TEXT NOT NULL,
    detectors TEXT NOT NULL -- of the alert, separated by blanks
) STRICT;
CREATE INDEX triage_alert ON triage (alert, seq);
-- Who has looked at what: each row is bound to the one before it.
CREATE TABLE access (
    seq  INTEGER PRIMARY KEY AUTOINCREMENT,
    at   INTEGER NOT NULL,
    who  TEXT NOT NULL,
    role TEXT NOT NULL,
    what TEXT NOT NULL,
    mac  BLOB NOT NULL
) STRICT;
