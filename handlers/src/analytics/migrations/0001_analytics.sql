-- The tables that dashboards read. An installation may have them already, made by the scripts of the
-- TypeScript country configuration, so each statement takes what it finds.

CREATE TABLE IF NOT EXISTS administrative_areas (
  id        text PRIMARY KEY,                   -- core's id
  name      text NOT NULL,
  parent_id text REFERENCES administrative_areas (id)
);
ALTER TABLE administrative_areas ADD COLUMN IF NOT EXISTS external_id text; -- the country's code, as in its files

CREATE TABLE IF NOT EXISTS locations (
  id                     text PRIMARY KEY,      -- core's id
  name                   text NOT NULL,
  administrative_area_id text REFERENCES administrative_areas (id),
  location_type          text
);
ALTER TABLE locations ADD COLUMN IF NOT EXISTS external_id text;
ALTER TABLE locations ALTER COLUMN location_type DROP NOT NULL;

CREATE TABLE IF NOT EXISTS location_levels (
  id    text PRIMARY KEY,
  level integer NOT NULL,                       -- from 1, the largest areas
  name  text NOT NULL
);

-- Expected births of a year: total_population * crude_birth_rate / 1000.
CREATE TABLE IF NOT EXISTS location_statistics (
  name              text,
  reference_id      text NOT NULL,              -- external_id of the area
  year              integer NOT NULL,
  crude_birth_rate  numeric(4, 1) NOT NULL,
  male_population   integer NOT NULL,
  female_population integer NOT NULL,
  total_population  integer NOT NULL,
  UNIQUE (reference_id, year)
);

-- One row per accepted action. It tells when, where and by whom the action was asked for.
CREATE TABLE IF NOT EXISTS event_actions (
  id                   uuid PRIMARY KEY DEFAULT gen_random_uuid(), -- core's id of the action as it was asked for
  event_id             uuid NOT NULL,           -- the record
  event_type           text NOT NULL,
  action_type          text NOT NULL,
  status               text NOT NULL,           -- always Accepted
  created_at           timestamptz NOT NULL DEFAULT now(),
  created_at_location  text,                    -- id of a location
  created_by           text,
  created_by_role      text,
  created_by_signature text,
  created_by_user_type text,                    -- user or system
  assigned_to          text,
  declared_at          timestamptz,             -- of the record's first accepted declaration, in each of its rows
  registered_at        timestamptz,             -- likewise
  registration_number  text,                    -- with a registration
  original_action_id   uuid,
  request_id           text,                    -- with the end of a correction: id of the row that asked for it
  transaction_id       text,
  declaration          jsonb NOT NULL DEFAULT '{}', -- counted answers after this action, dots in their names as _
  annotation           jsonb,                   -- counted answers about this action
  content              jsonb                    -- reason, template and the like
);
ALTER TABLE event_actions
  ADD COLUMN IF NOT EXISTS custom_action_type text, -- name of an action of the country's own
  -- Place in the record's history, from 1. A row without one was written by another program; it is
  -- replaced when its record is next written.
  ADD COLUMN IF NOT EXISTS position integer,
  -- Answers that this action cleared, as nulls: core's export for a reindex does not tell them.
  ADD COLUMN IF NOT EXISTS cleared jsonb,
  ALTER COLUMN created_by DROP NOT NULL,
  ALTER COLUMN created_by_role DROP NOT NULL,
  ALTER COLUMN created_by_user_type DROP NOT NULL,
  ALTER COLUMN transaction_id DROP NOT NULL,
  -- A record may be registered again under the number it had.
  DROP CONSTRAINT IF EXISTS event_actions_registration_number_key;

DROP INDEX IF EXISTS analytics_idx_event_actions_event_id;
DROP INDEX IF EXISTS idx_event_actions_event_id;
CREATE INDEX event_actions_record ON event_actions (event_id, position);
CREATE INDEX event_actions_time ON event_actions (event_type, action_type, created_at);
CREATE INDEX event_actions_cleared ON event_actions (event_id) WHERE cleared IS NOT NULL;

-- Every area with its way down from the largest: path_ids[1] and path_names[1] are of level 1, and the
-- last are its own. Areas whose parents lead round in a circle are not in it.
CREATE VIEW area_paths AS
WITH RECURSIVE paths AS (
  SELECT id, name, external_id, 1 AS level, ARRAY[id] AS path_ids, ARRAY[name] AS path_names
  FROM administrative_areas WHERE parent_id IS NULL
  UNION ALL
  SELECT area.id, area.name, area.external_id, level + 1, path_ids || area.id, path_names || area.name
  FROM administrative_areas area JOIN paths ON area.parent_id = paths.id
)
SELECT * FROM paths;

-- Every record that was registered, once: where and when at first, and the answers as they stand now.
CREATE VIEW registrations AS
SELECT registered.event_id, registered.event_type, registered.declared_at, registered.registered_at,
       registered.registration_number, registered.created_at_location AS office_id,
       office.administrative_area_id AS area_id, latest.declaration
FROM (
  SELECT DISTINCT ON (event_id) * FROM event_actions
  WHERE action_type = 'REGISTER' ORDER BY event_id, position
) AS registered
LEFT JOIN locations office ON office.id = registered.created_at_location
CROSS JOIN LATERAL (
  SELECT declaration FROM event_actions WHERE event_id = registered.event_id
  ORDER BY position DESC NULLS LAST LIMIT 1
) AS latest;

-- How many births the population leads to expect, by area and year.
CREATE VIEW expected_births AS
SELECT area.id AS area_id, year, total_population, total_population * crude_birth_rate / 1000 AS births
FROM location_statistics JOIN administrative_areas area ON area.external_id = reference_id;
