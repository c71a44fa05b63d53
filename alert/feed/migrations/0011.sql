-- What the daemon's configuration says of closing alerts, for commands that only know the data directory: the severity from
-- which on it requires two people, and whether an identity provider vouches for them. Without a row one person is enough.
CREATE TABLE two_people (one INTEGER PRIMARY KEY CHECK (one = 1), severity TEXT NOT NULL, sign_on INTEGER NOT NULL) STRICT;
