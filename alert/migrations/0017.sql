-- Messages that were sent to some of a channel's receivers: those that have yet to be told, a list in JSON; '' for all.
ALTER TABLE outbox ADD COLUMN receivers TEXT NOT NULL DEFAULT '';
ALTER TABLE failed ADD COLUMN receivers TEXT NOT NULL DEFAULT '';
CREATE INDEX outbox_receivers ON outbox (channel, receivers) WHERE receivers != '';
