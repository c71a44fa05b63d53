-- What belongs to a generation besides the state of the engine: offsets of the
-- input, and what its wiring keeps.
CREATE TABLE beside (
    generation INTEGER NOT NULL,
    name       TEXT NOT NULL,
    body       BLOB NOT NULL,
    PRIMARY KEY (generation, name)
) STRICT, WITHOUT ROWID;
