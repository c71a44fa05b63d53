-- Of which days there is data of anybody, by source; "" where the source is not known.
CREATE TABLE covered (
    day    TEXT NOT NULL, -- 2006-01-02
    source TEXT NOT NULL,
    PRIMARY KEY (day, source)
) STRICT, WITHOUT ROWID;
INSERT INTO covered SELECT DISTINCT day, '' FROM activity;
