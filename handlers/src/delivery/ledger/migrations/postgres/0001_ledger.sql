-- One row per action that core asked about. Times are milliseconds since 1970, UTC.
CREATE TABLE actions (
  event_id            TEXT NOT NULL,
  action_id           TEXT NOT NULL,
  event_type          TEXT NOT NULL,
  action_type         TEXT NOT NULL,
  decision            TEXT NOT NULL,            -- which rule decided and which conditions held; no values
  registration_number TEXT UNIQUE,
  answer_status       BIGINT NOT NULL,
  answer_body         TEXT,                     -- JSON
  recorded_at         BIGINT NOT NULL,
  PRIMARY KEY (event_id, action_id)
);

-- What must reach another system because of an action.
CREATE TABLE deliveries (
  id           BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, -- grows: the order within one event
  event_id     TEXT NOT NULL,
  action_id    TEXT NOT NULL,
  destination  TEXT NOT NULL,
  operation    TEXT NOT NULL,
  path         TEXT NOT NULL,
  payload      TEXT NOT NULL,                   -- JSON, sealed where the ledger has a key; erased after a while
  token        TEXT NOT NULL,                   -- likewise; erased when the delivery has ended
  state        TEXT NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'delivered', 'refused', 'parked', 'purged')),
  attempts     BIGINT NOT NULL DEFAULT 0,      -- of the present round of the schedule
  due_at       BIGINT NOT NULL,
  leased_until BIGINT,
  created_at   BIGINT NOT NULL,
  ended_at     BIGINT,
  FOREIGN KEY (event_id, action_id) REFERENCES actions (event_id, action_id)
);
CREATE INDEX deliveries_due ON deliveries (due_at, id) WHERE state = 'waiting';
CREATE INDEX deliveries_order ON deliveries (event_id, destination, id) WHERE state IN ('waiting', 'parked');
CREATE INDEX deliveries_action ON deliveries (event_id, action_id);
CREATE INDEX deliveries_ended ON deliveries (ended_at) WHERE payload <> '';

-- How each attempt ended. No bodies, no tokens.
CREATE TABLE attempts (
  id          BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  delivery_id BIGINT NOT NULL REFERENCES deliveries (id),
  attempt     BIGINT NOT NULL,
  started_at  BIGINT NOT NULL,
  duration_ms BIGINT NOT NULL,
  outcome     TEXT NOT NULL,
  status      BIGINT                           -- HTTP
);
CREATE INDEX attempts_delivery ON attempts (delivery_id, id);

-- Small texts that survive a restart, such as core's public key.
CREATE TABLE kept (
  name    TEXT PRIMARY KEY,
  value   TEXT NOT NULL,
  kept_at BIGINT NOT NULL
);
