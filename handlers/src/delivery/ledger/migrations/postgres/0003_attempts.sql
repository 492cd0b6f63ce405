-- What is known of all attempts of a delivery to the middleware, since when it is unknown, and what
-- core is told where the packet is refused or given up (JSON, encrypted where the ledger has a key).
ALTER TABLE deliveries ADD COLUMN knowledge TEXT NOT NULL DEFAULT 'untried';
ALTER TABLE deliveries ADD COLUMN unknown_since BIGINT;
ALTER TABLE deliveries ADD COLUMN fallback TEXT NOT NULL DEFAULT '';

-- Every number that any system was given, by action. `actions` has the first one of a registration.
CREATE TABLE numbers (
  number      TEXT PRIMARY KEY,
  event_id    TEXT NOT NULL,
  action_id   TEXT NOT NULL,
  recorded_at BIGINT NOT NULL
);
INSERT INTO numbers SELECT registration_number, event_id, action_id, recorded_at FROM actions WHERE registration_number IS NOT NULL;

-- What core has shown about actions, for all deliveries that wait for it.
CREATE TABLE fates (
  event_id   TEXT NOT NULL,
  action_id  TEXT NOT NULL,
  fate       TEXT NOT NULL CHECK (fate IN ('open', 'accepted', 'rejected')),
  acceptance TEXT NOT NULL DEFAULT '',          -- the accepting action as JSON, encrypted likewise
  asked_at   BIGINT NOT NULL,
  next_at    BIGINT NOT NULL,                  -- not asked again before
  PRIMARY KEY (event_id, action_id)
);

-- Earlier versions wrote down the end of an attempt only: a packet that may have left has an unknown outcome.
UPDATE deliveries SET knowledge = 'taken' WHERE destination = 'middleware' AND state = 'delivered';
UPDATE deliveries SET knowledge = 'unknown', unknown_since = due_at
WHERE destination = 'middleware' AND state IN ('waiting', 'parked') AND (
  leased_until IS NOT NULL
  OR attempts > (SELECT count(*) FROM attempts AS a WHERE a.delivery_id = deliveries.id)
  OR EXISTS (SELECT 1 FROM attempts AS a WHERE a.delivery_id = deliveries.id
             AND a.outcome NOT IN ('undecided', 'unprepared', 'expired', 'unwanted', 'outdated'))
);
