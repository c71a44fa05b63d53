-- What the records of a stream were taken for, by source.
CREATE TABLE format (
    source  TEXT NOT NULL,
    role    TEXT NOT NULL, -- format, undecoded (a known format, but not readable) or envelope
    name    TEXT NOT NULL, -- of the format or envelope
    records INTEGER NOT NULL,
    PRIMARY KEY (source, role, name)
) STRICT, WITHOUT ROWID;
