-- Sessions: of a token that somebody signed in with, or of an identity of the provider.
ALTER TABLE token ADD COLUMN parent BLOB; -- hash of that token
ALTER TABLE token ADD COLUMN issuer TEXT NOT NULL DEFAULT '';
ALTER TABLE token ADD COLUMN subject TEXT NOT NULL DEFAULT '';
ALTER TABLE token ADD COLUMN logout TEXT NOT NULL DEFAULT ''; -- URL that ends the session at the provider
-- Who asks for a name: the identity behind the name that a token was given.
ALTER TABLE reveal ADD COLUMN identity TEXT NOT NULL DEFAULT '';
-- What one person wants to do with an alert, and a second one has to want, too.
CREATE TABLE proposal (
    alert    TEXT NOT NULL,
    kind     TEXT NOT NULL, -- close or suppress
    value    TEXT NOT NULL, -- the status that it is closed as, or the days
    at       INTEGER NOT NULL,
    who      TEXT NOT NULL,
    identity TEXT NOT NULL,
    PRIMARY KEY (alert, kind)
) STRICT, WITHOUT ROWID;
