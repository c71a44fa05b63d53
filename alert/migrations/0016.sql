-- What lists of entities are ordered by, and how many there are of each kind: counting all that alerts say of them takes
-- seconds with 100,000 alerts. Triggers keep both, whoever writes or deletes what alerts say.
CREATE TABLE entity_total (
    id     INTEGER PRIMARY KEY,
    kind   TEXT NOT NULL,
    name   TEXT NOT NULL,
    title  TEXT NOT NULL, -- of the latest alert
    alerts INTEGER NOT NULL,
    events INTEGER NOT NULL,
    last   INTEGER NOT NULL, -- Unix milliseconds
    UNIQUE (kind, name)
) STRICT;
CREATE TABLE entity_kind (kind TEXT PRIMARY KEY, names INTEGER NOT NULL) STRICT, WITHOUT ROWID;
INSERT INTO entity_total (kind, name, title, alerts, events, last)
    SELECT kind, name, title, count(*), sum(events), max(last) FROM entity GROUP BY kind, name;
INSERT INTO entity_kind SELECT kind, count(*) FROM entity_total GROUP BY kind;
CREATE INDEX entity_total_last ON entity_total (kind, last DESC, name);
CREATE INDEX entity_total_alerts ON entity_total (kind, alerts DESC, name);
CREATE INDEX entity_total_events ON entity_total (kind, events DESC, name);
CREATE TRIGGER entity_total_added AFTER INSERT ON entity_total BEGIN
    INSERT INTO entity_kind VALUES (NEW.kind, 1) ON CONFLICT (kind) DO UPDATE SET names = names + 1;
END;
CREATE TRIGGER entity_total_deleted AFTER DELETE ON entity_total BEGIN
    UPDATE entity_kind SET names = names - 1 WHERE kind = OLD.kind;
END;
CREATE TRIGGER entity_added AFTER INSERT ON entity BEGIN
    INSERT INTO entity_total (kind, name, title, alerts, events, last)
        VALUES (NEW.kind, NEW.name, NEW.title, 1, NEW.events, NEW.last)
        ON CONFLICT (kind, name) DO UPDATE SET
            title = CASE WHEN excluded.last >= last THEN excluded.title ELSE title END,
            alerts = alerts + 1, events = events + excluded.events, last = max(last, excluded.last);
END;
CREATE TRIGGER entity_deleted AFTER DELETE ON entity BEGIN
    DELETE FROM entity_total WHERE kind = OLD.kind AND name = OLD.name AND alerts = 1;
    UPDATE entity_total SET (alerts, events, title, last) = (
        SELECT entity_total.alerts - 1, entity_total.events - OLD.events, title, last FROM entity
        WHERE kind = OLD.kind AND name = OLD.name ORDER BY last DESC LIMIT 1)
        WHERE kind = OLD.kind AND name = OLD.name;
END;
