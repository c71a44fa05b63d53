-- Who has checked the review of a leaver; the latest holds.
CREATE TABLE review (
    seq     INTEGER PRIMARY KEY AUTOINCREMENT,
    user    TEXT NOT NULL, -- in lower case
    at      INTEGER NOT NULL, -- Unix milliseconds
    who     TEXT NOT NULL,
    verdict TEXT NOT NULL, -- of the review that was checked
    print   TEXT NOT NULL  -- of its content: another one means that it has changed since
) STRICT;
CREATE INDEX review_user ON review (user, seq);
