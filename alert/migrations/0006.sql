-- What people have decided not to be told again for a while.
CREATE TABLE suppression (
    id        INTEGER PRIMARY KEY AUTOINCREMENT,
    user      TEXT NOT NULL,
    detectors TEXT NOT NULL, -- separated by spaces: alerts that these alone speak in
    severity  INTEGER NOT NULL, -- at most
    owner     TEXT NOT NULL,
    reason    TEXT NOT NULL,
    source    TEXT NOT NULL, -- the alert that it came from
    made      INTEGER NOT NULL, -- Unix milliseconds
    expires   INTEGER NOT NULL,
    ended     INTEGER NOT NULL DEFAULT 0, -- when somebody ended it before
    ended_by  TEXT NOT NULL DEFAULT ''
) STRICT;
