-- The events that the evidence of an alert lists: the items by evidence, JSON compressed by zstd.
CREATE TABLE evidence (
    alert TEXT PRIMARY KEY,
    items BLOB NOT NULL
) STRICT;
