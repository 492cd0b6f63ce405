-- Who may do what: run after each migration. A role that may not make roles or grant leaves it at that.
DO $$
DECLARE role text;
BEGIN
  FOREACH role IN ARRAY ARRAY['analytics_reader', 'analytics_writer'] LOOP
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role) THEN
      BEGIN
        EXECUTE format('CREATE ROLE %I NOLOGIN', role);
      EXCEPTION
        WHEN duplicate_object OR unique_violation THEN NULL; -- somebody else has just made it
      END;
    END IF;
    EXECUTE format('GRANT CONNECT ON DATABASE %I TO %I', current_database(), role);
    EXECUTE format('GRANT USAGE ON SCHEMA analytics TO %I', role);
    EXECUTE format('GRANT SELECT ON ALL TABLES IN SCHEMA analytics TO %I', role);
    EXECUTE format('ALTER DEFAULT PRIVILEGES IN SCHEMA analytics GRANT SELECT ON TABLES TO %I', role);
  END LOOP;
  GRANT INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA analytics TO analytics_writer;
  ALTER DEFAULT PRIVILEGES IN SCHEMA analytics GRANT INSERT, UPDATE, DELETE ON TABLES TO analytics_writer;
EXCEPTION
  WHEN insufficient_privilege THEN
    RAISE NOTICE 'no roles were made: %', SQLERRM;
END $$;
