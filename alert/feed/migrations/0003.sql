-- What a decision teaches: from which time in the data on (Unix milliseconds), and what it is counted for.
ALTER TABLE triage ADD COLUMN since INTEGER NOT NULL DEFAULT 0;
ALTER TABLE triage ADD COLUMN subjects TEXT NOT NULL DEFAULT '[]'; -- as JSON
