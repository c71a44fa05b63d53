-- What alerts name beside people: outside domains, addresses and accounts, applications, buckets, items. A row is
-- what one alert says of one of them.
CREATE TABLE entity (
    kind   TEXT NOT NULL,
    name   TEXT NOT NULL,
    alert  TEXT NOT NULL,
    user   TEXT NOT NULL,
    title  TEXT NOT NULL,
    events INTEGER NOT NULL,
    first  INTEGER NOT NULL, -- Unix milliseconds
    last   INTEGER NOT NULL,
    bytes  INTEGER NOT NULL,
    rows   INTEGER NOT NULL,
    PRIMARY KEY (kind, name, alert)
) STRICT, WITHOUT ROWID;
CREATE INDEX entity_alert ON entity (alert);
CREATE INDEX entity_last ON entity (kind, name, last);
