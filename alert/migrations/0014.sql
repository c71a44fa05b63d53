-- The items of a message, compressed. Messages that were queued before have them in their body.
ALTER TABLE outbox ADD COLUMN items BLOB;
ALTER TABLE failed ADD COLUMN items BLOB;
