-- Files by content: how many of their events are in the log, and whether all are.
CREATE TABLE file (
    hash     BLOB PRIMARY KEY, -- SHA-256
    events   INTEGER NOT NULL,
    done     INTEGER NOT NULL,
    problems INTEGER NOT NULL DEFAULT 0,
    reason   TEXT NOT NULL DEFAULT '' -- why it was not read, or not whole
) STRICT, WITHOUT ROWID;
-- What lay at a path when it was looked at last.
CREATE TABLE path (
    path TEXT PRIMARY KEY,
    size INTEGER NOT NULL,
    modified INTEGER NOT NULL, -- Unix nanoseconds
    hash BLOB NOT NULL
) STRICT, WITHOUT ROWID;
-- Records that could not be decoded.
CREATE TABLE dead (
    id     INTEGER PRIMARY KEY AUTOINCREMENT,
    source TEXT NOT NULL,
    file   TEXT NOT NULL,
    line   INTEGER NOT NULL,
    reason TEXT NOT NULL,
    hash   BLOB NOT NULL, -- of the file
    at     INTEGER NOT NULL -- Unix milliseconds
) STRICT;
-- Events and the newest of them, by source and vendor.
CREATE TABLE vendor (
    source TEXT NOT NULL,
    vendor TEXT NOT NULL,
    events INTEGER NOT NULL,
    newest INTEGER NOT NULL, -- Unix milliseconds
    PRIMARY KEY (source, vendor)
) STRICT, WITHOUT ROWID;
