-- The queue: of every alert that is not withdrawn what lists are filtered and ordered by. It follows the feed of
-- alerts.db, and can be built again from it. People are as in alerts.db, texts have the pseudonyms of the role soc.
CREATE TABLE queue (
    id         INTEGER PRIMARY KEY, -- docid of queue_text
    alert      TEXT NOT NULL UNIQUE,
    time       INTEGER NOT NULL, -- Unix milliseconds
    rank       INTEGER NOT NULL, -- by severity, score and time
    severity   INTEGER NOT NULL,
    score      REAL NOT NULL,
    incident   TEXT NOT NULL,    -- the case
    user       TEXT NOT NULL,
    department TEXT NOT NULL,
    detectors  TEXT NOT NULL,    -- separated by blanks, with one at both ends
    sources    TEXT NOT NULL,    -- the same
    shown      INTEGER NOT NULL, -- whether it deserves attention
    status     TEXT NOT NULL DEFAULT 'open',
    assignee   TEXT NOT NULL DEFAULT ''
) STRICT;
CREATE INDEX queue_rank ON queue (rank);
CREATE INDEX queue_time ON queue (time);
CREATE INDEX queue_incident ON queue (incident, rank);
CREATE INDEX queue_status ON queue (shown, status, severity);
CREATE INDEX queue_user ON queue (user, time);
-- The words of alerts, for searching.
CREATE VIRTUAL TABLE queue_text USING fts4(body, tokenize=unicode61);
-- What the queue can be filtered by: detectors, sources and departments that alerts have.
CREATE TABLE queue_facet (
    kind  TEXT NOT NULL,
    name  TEXT NOT NULL,
    title TEXT NOT NULL,
    PRIMARY KEY (kind, name)
) STRICT, WITHOUT ROWID;
-- Up to which place of the feed it is built.
CREATE TABLE queue_place (one INTEGER PRIMARY KEY CHECK (one = 1), seq INTEGER NOT NULL) STRICT;
INSERT INTO queue_place VALUES (1, 0);
-- The status of an alert is that of its latest decision, whoever writes or deletes decisions.
CREATE TRIGGER triage_added AFTER INSERT ON triage BEGIN
    UPDATE queue SET status = NEW.status, assignee = NEW.assignee WHERE alert = NEW.alert;
END;
CREATE TRIGGER triage_deleted AFTER DELETE ON triage BEGIN
    UPDATE queue SET
        status = coalesce((SELECT status FROM triage WHERE alert = OLD.alert ORDER BY seq DESC LIMIT 1), 'open'),
        assignee = coalesce((SELECT assignee FROM triage WHERE alert = OLD.alert ORDER BY seq DESC LIMIT 1), '')
    WHERE alert = OLD.alert;
END;
-- Decisions that were made in one go, and can be undone in one.
ALTER TABLE triage ADD COLUMN batch TEXT NOT NULL DEFAULT '';
CREATE INDEX triage_batch ON triage (batch) WHERE batch <> '';
-- Filters of the queue that somebody has named.
CREATE TABLE saved_view (
    who   TEXT NOT NULL,
    name  TEXT NOT NULL,
    query TEXT NOT NULL, -- of the URL
    PRIMARY KEY (who, name)
) STRICT, WITHOUT ROWID;
