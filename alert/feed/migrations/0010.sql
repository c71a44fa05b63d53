-- The request that a line of the audit log is of, which its outcome has as well; '' for lines of before and of commands.
ALTER TABLE access ADD COLUMN request TEXT NOT NULL DEFAULT '';
