-- Looks that follow one another closely are one delivery: the newest event before it, and
-- when it was added to last, Unix milliseconds.
ALTER TABLE vendor ADD COLUMN prior INTEGER NOT NULL DEFAULT 0;
ALTER TABLE vendor ADD COLUMN touched INTEGER NOT NULL DEFAULT 0;
