CREATE TABLE alert (
    id    TEXT PRIMARY KEY,
    time  INTEGER NOT NULL, -- Unix milliseconds
    user  TEXT NOT NULL,
    score REAL NOT NULL,
    body  TEXT NOT NULL CHECK (json_valid(body))
) STRICT, WITHOUT ROWID;
-- One row: the generation that is current in all files, and the alerts in the
-- making at its checkpoint.
CREATE TABLE desk (
    one        INTEGER PRIMARY KEY CHECK (one = 1),
    generation INTEGER NOT NULL,
    checkpoint INTEGER NOT NULL, -- Unix milliseconds
    snapshot   TEXT NOT NULL CHECK (json_valid(snapshot))
) STRICT;
