-- Up to where the streams of APIs have been read.
CREATE TABLE cursor (
    source  TEXT NOT NULL,
    stream  TEXT NOT NULL,
    cursor  BLOB NOT NULL,
    events  INTEGER NOT NULL DEFAULT 0, -- appended since the stream began
    saved   INTEGER NOT NULL,           -- when something was read last, Unix milliseconds
    asked   INTEGER NOT NULL,           -- when the vendor answered last
    failing TEXT NOT NULL DEFAULT '',   -- why it does not now
    PRIMARY KEY (source, stream)
) STRICT, WITHOUT ROWID;
-- Pieces of APIs that do not change, and are in the log: files, blobs.
CREATE TABLE piece (
    source TEXT NOT NULL,
    id     INTEGER NOT NULL, -- hash of the vendor's id
    at     INTEGER NOT NULL, -- when it was taken in, Unix milliseconds
    PRIMARY KEY (source, id)
) STRICT, WITHOUT ROWID;
-- What could not be read, and will not be.
CREATE TABLE gap (
    id     INTEGER PRIMARY KEY AUTOINCREMENT,
    source TEXT NOT NULL,
    stream TEXT NOT NULL,
    since  INTEGER NOT NULL, -- Unix milliseconds; 0 if unknown
    until  INTEGER NOT NULL,
    reason TEXT NOT NULL,
    at     INTEGER NOT NULL
) STRICT;
-- The record itself where there is no file to look at.
ALTER TABLE dead ADD COLUMN record TEXT NOT NULL DEFAULT '';
ALTER TABLE dead ADD COLUMN again INTEGER NOT NULL DEFAULT 0; -- whether it is to be read once more
-- The number of the last delivery: it grows, whatever the clock does.
CREATE TABLE pass (one INTEGER PRIMARY KEY CHECK (one = 1), last INTEGER NOT NULL) STRICT;
