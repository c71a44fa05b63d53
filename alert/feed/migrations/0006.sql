-- When a token was last used, to the minute; 0 if it has not been since this is known.
ALTER TABLE token ADD COLUMN used INTEGER NOT NULL DEFAULT 0; -- Unix milliseconds
