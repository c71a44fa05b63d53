-- What people did on their days, beside what was usual.
CREATE TABLE activity (
    user TEXT NOT NULL,
    day  TEXT NOT NULL, -- 2006-01-02
    body TEXT NOT NULL CHECK (json_valid(body)),
    PRIMARY KEY (user, day)
) STRICT, WITHOUT ROWID;
CREATE INDEX activity_day ON activity (day);
