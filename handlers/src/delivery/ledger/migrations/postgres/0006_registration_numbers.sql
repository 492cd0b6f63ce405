-- The last position of each sequence of registration numbers that was given out.
CREATE TABLE sequences (
  name       TEXT PRIMARY KEY,                  -- the event and what has a sequence of its own
  last       BIGINT NOT NULL,
  changed_at BIGINT NOT NULL
);

-- The offices of core, whose codes numbers tell.
CREATE TABLE offices (
  id          TEXT PRIMARY KEY,                 -- core's
  external_id TEXT NOT NULL,                    -- that of the country's files
  areas       TEXT NOT NULL,                    -- codes of the areas around it, from the largest: a JSON list
  changed_at  BIGINT NOT NULL
);

ALTER TABLE numbers ADD COLUMN sequence TEXT;
ALTER TABLE numbers ADD COLUMN position BIGINT;
-- How many numbers the action had before: 0 for the first.
ALTER TABLE numbers ADD COLUMN drawn BIGINT NOT NULL DEFAULT 0;
-- How another number of the same kind is made, where a packet may need one: JSON.
ALTER TABLE numbers ADD COLUMN draw TEXT;
CREATE INDEX numbers_action ON numbers (event_id, action_id);
CREATE UNIQUE INDEX numbers_sequence ON numbers (sequence, position) WHERE sequence IS NOT NULL;
