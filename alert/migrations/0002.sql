-- What people were told: the last version of an alert that went out.
CREATE TABLE told (
    alert    TEXT PRIMARY KEY,
    hash     INTEGER NOT NULL,
    severity INTEGER NOT NULL -- the highest that was told
) STRICT, WITHOUT ROWID;
-- What is still to be sent, by channel.
CREATE TABLE outbox (
    seq     INTEGER PRIMARY KEY AUTOINCREMENT,
    channel TEXT NOT NULL,
    alert   TEXT NOT NULL,
    body    TEXT NOT NULL CHECK (json_valid(body)),
    place   INTEGER -- of a channel that can look: where sending began
) STRICT;
-- Up to where the log of alerts has been taken in, and the term of who judged there.
CREATE TABLE progress (part INTEGER PRIMARY KEY, next INTEGER NOT NULL, term INTEGER NOT NULL) STRICT;
