-- The queue is built again, with the ids of alerts as readers see them: they search for their first digits.
DELETE FROM queue_text;
DELETE FROM queue;
DELETE FROM queue_facet;
UPDATE queue_place SET seq = 0;
ALTER TABLE queue ADD COLUMN seen TEXT NOT NULL DEFAULT '';
CREATE INDEX queue_seen ON queue (seen);
