-- One row is what was appended together to a partition.
CREATE TABLE segment (
  topic INTEGER NOT NULL, part INTEGER NOT NULL,
  base INTEGER NOT NULL,   -- offset of its first record
  n INTEGER NOT NULL,      -- records
  at INTEGER NOT NULL,     -- when it was appended, Unix milliseconds
  body BLOB NOT NULL,      -- the records, zstd with checksum
  PRIMARY KEY (topic, part, base)
) STRICT, WITHOUT ROWID;
CREATE TABLE topic (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, partitions INTEGER NOT NULL) STRICT;
-- The next offset of a partition, which outlives its segments.
CREATE TABLE bound (topic INTEGER NOT NULL, part INTEGER NOT NULL, next INTEGER NOT NULL, PRIMARY KEY (topic, part)) STRICT, WITHOUT ROWID;
