-- State of one partition by generation: one is current, another may be being written.
CREATE TABLE organisation (
    generation INTEGER PRIMARY KEY,
    body       BLOB NOT NULL
) STRICT;
CREATE TABLE person (
    generation INTEGER NOT NULL,
    name       TEXT NOT NULL,
    body       BLOB NOT NULL,
    PRIMARY KEY (generation, name)
) STRICT, WITHOUT ROWID;
