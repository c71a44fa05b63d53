-- The alias graph, and the events since the checkpoint, by generation.
CREATE TABLE checkpoint (
    generation INTEGER PRIMARY KEY,
    at         INTEGER NOT NULL, -- Unix milliseconds; 0 if everything is in the backlog
    aliases    BLOB NOT NULL
) STRICT;
CREATE TABLE backlog (
    generation INTEGER NOT NULL,
    chunk      INTEGER NOT NULL,
    events     INTEGER NOT NULL,
    body       BLOB NOT NULL, -- stored events, each after its length, compressed with zstd
    PRIMARY KEY (generation, chunk)
) STRICT;
