-- What kinds of action have come of each vendor, and when the first one of each was stored.
CREATE TABLE class (
    vendor TEXT NOT NULL,
    class  TEXT NOT NULL,
    first  INTEGER NOT NULL, -- Unix milliseconds
    PRIMARY KEY (vendor, class)
) STRICT, WITHOUT ROWID;
