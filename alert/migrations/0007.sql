-- Of whom HR has said that they leave.
CREATE TABLE leaver (
    user     TEXT PRIMARY KEY,
    notice   INTEGER NOT NULL, -- Unix milliseconds
    last_day INTEGER NOT NULL  -- 0 if it is not known
) STRICT, WITHOUT ROWID;
