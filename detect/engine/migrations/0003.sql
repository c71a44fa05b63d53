-- The checksum of a row (see sum in store.go); null for rows from before it was kept.
ALTER TABLE organisation ADD COLUMN sum INTEGER;
ALTER TABLE person ADD COLUMN sum INTEGER;
ALTER TABLE beside ADD COLUMN sum INTEGER;
