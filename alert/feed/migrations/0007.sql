-- Of a decision that an alert is a duplicate: the alert that reports the same.
ALTER TABLE triage ADD COLUMN duplicate_of TEXT NOT NULL DEFAULT '';
CREATE INDEX triage_duplicate ON triage (duplicate_of) WHERE duplicate_of <> '';
