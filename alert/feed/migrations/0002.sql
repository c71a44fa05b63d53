-- Who asked for the name behind a pseudonym, who agreed, and until when it is shown.
CREATE TABLE reveal (
    id        INTEGER PRIMARY KEY AUTOINCREMENT,
    at        INTEGER NOT NULL, -- Unix milliseconds
    who       TEXT NOT NULL,
    role      TEXT NOT NULL,
    pseudonym TEXT NOT NULL, -- as who asks sees it
    user      TEXT NOT NULL,
    reason    TEXT NOT NULL,
    second    TEXT NOT NULL DEFAULT '', -- who decided
    agreed    INTEGER NOT NULL DEFAULT 0,
    decided   INTEGER NOT NULL DEFAULT 0, -- when; 0 while it waits
    expires   INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX reveal_who ON reveal (who, pseudonym);
