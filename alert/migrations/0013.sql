-- Two days of a person may have the same calendar date, where the second began at another hour: their ends tell them
-- apart.
CREATE TABLE activity_by_end (
    user TEXT NOT NULL,
    day  TEXT NOT NULL,    -- 2006-01-02
    end  INTEGER NOT NULL, -- Unix milliseconds
    body TEXT NOT NULL CHECK (json_valid(body)),
    PRIMARY KEY (user, day, end)
) STRICT, WITHOUT ROWID;
INSERT INTO activity_by_end SELECT user, day, body ->> 'end', body FROM activity;
DROP TABLE activity;
ALTER TABLE activity_by_end RENAME TO activity;
CREATE INDEX activity_day ON activity (day);
