-- What the last message of a channel about an alert said: figures as JSON; '' if it is not known.
ALTER TABLE sent ADD COLUMN told TEXT NOT NULL DEFAULT '';
