-- Whether records of a content were refused because their times are ambiguous: when more of the
-- file has been written, they may be clear.
ALTER TABLE file ADD COLUMN ambiguous INTEGER NOT NULL DEFAULT 0;
