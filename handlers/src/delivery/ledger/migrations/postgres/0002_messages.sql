-- What users were told is forgotten as a whole: found without reading all that was ever recorded.
CREATE INDEX actions_user ON actions (recorded_at) WHERE event_type = 'user';
