-- System clients of core: their credentials, kept before core hears of them.
CREATE TABLE integrations (
  name          TEXT PRIMARY KEY,
  client_id     TEXT NOT NULL,
  secret        TEXT NOT NULL,                  -- encrypted where the ledger has a key; empty once it was shown
  made_at       BIGINT NOT NULL,
  leased_until  BIGINT,                         -- a server is creating it in core
  registered_at BIGINT,                         -- since when core is known to have it
  shown_at      BIGINT
);
