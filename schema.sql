-- Forge's D1 database. Idempotent: run it as often as you like. A database that is older gets the columns it lacks first
-- (scripts/schema.ts), so a column that joins a table here may be null or has a default. Times are Unix milliseconds, money is integer
-- nano-USD (1e-9), prices are integer pico-USD (1e-12) per unit. Limits themselves are counted in the Durable Objects
-- (src/limits); D1 holds who may do what (accounts), what can be called (catalog) and what was used (ledger).

-- ── accounts ────────────────────────────────────────────────────────────────────────────────────────────────────────

-- What a plan allows: limits that each key inherits unless it sets its own, what all keys may use together, which models,
-- whether requests may be sovereign. Written by: admin API. Lives: until deleted. `limits`: JSON as `planRulesSchema`
-- (src/accounts/terms.ts).
CREATE TABLE IF NOT EXISTS plans (
  id TEXT PRIMARY KEY,
  limits TEXT NOT NULL
) WITHOUT ROWID;
INSERT OR IGNORE INTO plans (id, limits) VALUES
  ('default', '{"requestsPerMinute":600}'),
  ('free', '{"requestsPerMinute":20,"concurrentRequests":4,"joint":{"monthlyTokens":1000000},"sovereign":false}'),
  ('pro', '{"requestsPerMinute":600,"concurrentRequests":64,"joint":{"monthlyTokens":200000000}}'),
  ('enterprise', '{"requestsPerMinute":6000}');

-- One customer of this gateway: the tenant boundary. `sovereign`: 1 = every request stays on self-hosted models.
-- `header_credentials`: 1 = its keys may bring providers' secrets in a request's header. `rules`: JSON as `houseRulesSchema` (src/accounts/house-rules.ts).
-- `models`: JSON list of the models and aliases that its keys may call, null = all.
-- `retention`: JSON as `Keeps` (src/accounts/retention.ts), days by what is kept.
-- `body_days`: for how many days the bodies of its requests are kept, sealed, in R2 (src/files/bodies.ts); 0 = not at all.
-- `suspended_at`: since when none of its keys opens anything, null = they do; `suspended_for`: why, as its people are told.
-- `founded_by`: the address of who founded it by the dashboard, which bounds how many one person does.
-- Written by: admin API, dashboard. Lives: until deleted.
CREATE TABLE IF NOT EXISTS organisations (
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  plan_id TEXT NOT NULL DEFAULT 'default' REFERENCES plans (id),
  sovereign INTEGER NOT NULL DEFAULT 0,
  created_at INTEGER NOT NULL,
  header_credentials INTEGER NOT NULL DEFAULT 0,
  rules TEXT NOT NULL DEFAULT '{}',
  body_days INTEGER NOT NULL DEFAULT 0,
  models TEXT,
  suspended_at INTEGER,
  suspended_for TEXT,
  retention TEXT NOT NULL DEFAULT '{}',
  founded_by TEXT
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS organisations_by_founder ON organisations (founded_by) WHERE founded_by IS NOT NULL;

-- What an organisation pays. `prepaid`: 1 = its keys spend credits, and nothing once they are gone. `paid_until`: when its
-- subscription ends. `stripe_customer`: which customer of Stripe's it is, once it has paid there. `version` grows with every change of what its keys share. The credits themselves and who was handed how
-- much of them lie in its Durable Object (src/limits/org-account.do.ts). Written by: admin API. Lives: as the organisation.
CREATE TABLE IF NOT EXISTS accounts (
  organisation_id TEXT PRIMARY KEY REFERENCES organisations (id),
  version INTEGER NOT NULL DEFAULT 1,
  prepaid INTEGER NOT NULL DEFAULT 0,
  paid_until INTEGER,
  stripe_customer TEXT
) WITHOUT ROWID;

-- What keys of an organisation may spend together. `scope`: organisation, project:<name>, member:<e-mail> or tag:<name>;
-- `unit`: nanoUsd or tokens; `window`: day, week, month or total, of the calendar (UTC) or `rolling`; `soft`: JSON list of
-- shares of `amount` at which an event is written. Written by: admin API. Lives: until deleted.
CREATE TABLE IF NOT EXISTS budgets (
  organisation_id TEXT NOT NULL REFERENCES organisations (id),
  id TEXT NOT NULL,
  scope TEXT NOT NULL,
  unit TEXT NOT NULL,
  window TEXT NOT NULL,
  rolling INTEGER NOT NULL,
  amount INTEGER NOT NULL,
  soft TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  PRIMARY KEY (organisation_id, id)
) WITHOUT ROWID;

-- People of an organisation, by e-mail address in lower case. `role`: as `roles` (src/accounts/members.ts). Written by: admin API,
-- dashboard. Lives: until removed.
CREATE TABLE IF NOT EXISTS members (
  organisation_id TEXT NOT NULL REFERENCES organisations (id),
  email TEXT NOT NULL,
  role TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  PRIMARY KEY (organisation_id, email)
) WITHOUT ROWID;
-- What developers were called once.
UPDATE members SET role = 'developer' WHERE role = 'member';
CREATE INDEX IF NOT EXISTS members_by_email ON members (email);

-- Who is asked to join an organisation. `token_hash`: SHA-256 of what the link in the e-mail holds, hex; `form`: the form that asked last, which asks once. Written by: dashboard. Lives: until it is taken
-- up, revoked or expired (cron).
CREATE TABLE IF NOT EXISTS invitations (
  organisation_id TEXT NOT NULL REFERENCES organisations (id),
  email TEXT NOT NULL,
  role TEXT NOT NULL,
  token_hash TEXT NOT NULL UNIQUE,
  invited_by TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  form TEXT,
  PRIMARY KEY (organisation_id, email)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS invitations_by_email ON invitations (email);

-- Who signs in to the dashboard. These five tables are better-auth's (src/dashboard/auth.ts): it writes them, times are ISO 8601 texts in them,
-- and an e-mail address counts as somebody's once a link that was sent there has been used. Lives: until deleted.
CREATE TABLE IF NOT EXISTS people (
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  email TEXT NOT NULL UNIQUE,
  email_verified INTEGER NOT NULL DEFAULT 0,
  image TEXT,
  created_at TEXT NOT NULL,
  updated_at TEXT NOT NULL
) WITHOUT ROWID;

-- A person's sessions. `token`: what the signed cookie holds. Lives: a week from the last visit on.
CREATE TABLE IF NOT EXISTS people_sessions (
  id TEXT PRIMARY KEY,
  person_id TEXT NOT NULL REFERENCES people (id) ON DELETE CASCADE,
  token TEXT NOT NULL UNIQUE,
  expires_at TEXT NOT NULL,
  ip_address TEXT,
  user_agent TEXT,
  created_at TEXT NOT NULL,
  updated_at TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS people_sessions_by_person ON people_sessions (person_id);

-- How a person may sign in: with a password (`provider_id` credential; scrypt, src/dashboard/password.ts), or through GitHub or Google.
CREATE TABLE IF NOT EXISTS people_accounts (
  id TEXT PRIMARY KEY,
  person_id TEXT NOT NULL REFERENCES people (id) ON DELETE CASCADE,
  account_id TEXT NOT NULL,
  provider_id TEXT NOT NULL,
  password TEXT,
  access_token TEXT,
  refresh_token TEXT,
  id_token TEXT,
  access_token_expires_at TEXT,
  refresh_token_expires_at TEXT,
  scope TEXT,
  created_at TEXT NOT NULL,
  updated_at TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS people_accounts_by_person ON people_accounts (person_id);

-- Passkeys: the public half of each, by its credential's id. `counter`: how often it has signed, where its device counts; `transports`: how a browser
-- reaches the device, between commas; `aaguid`: its make, where it says so.
CREATE TABLE IF NOT EXISTS people_passkeys (
  id TEXT PRIMARY KEY,
  person_id TEXT NOT NULL REFERENCES people (id) ON DELETE CASCADE,
  name TEXT,
  public_key TEXT NOT NULL,
  credential_id TEXT NOT NULL UNIQUE,
  counter INTEGER NOT NULL,
  device_type TEXT NOT NULL,
  backed_up INTEGER NOT NULL,
  transports TEXT,
  aaguid TEXT,
  created_at TEXT
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS people_passkeys_by_person ON people_passkeys (person_id);

-- Links that were sent, passkeys that were asked for, and visits to GitHub or Google that have not come back. Lives: until used or expired (cron).
CREATE TABLE IF NOT EXISTS people_verifications (
  id TEXT PRIMARY KEY,
  identifier TEXT NOT NULL,
  value TEXT NOT NULL,
  expires_at TEXT NOT NULL,
  created_at TEXT NOT NULL,
  updated_at TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS people_verifications_by_identifier ON people_verifications (identifier);

-- Who asks to use this gateway, where sign-up is by approval. `state`: waiting, approved, declined. Written by: dashboard, admin API. Lives: for ever.
CREATE TABLE IF NOT EXISTS applications (
  email TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  reason TEXT NOT NULL,
  state TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  decided_at INTEGER
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS applications_by_state ON applications (state, created_at);

-- How often something that can be guessed or abused was tried: signing in, asking for a link. `bucket`: SHA-256 of what is counted and of whose it is.
-- Written by: dashboard. Lives: until `ends_at` (cron).
CREATE TABLE IF NOT EXISTS attempts (
  bucket TEXT PRIMARY KEY,
  count INTEGER NOT NULL,
  ends_at INTEGER NOT NULL
) WITHOUT ROWID;

-- One API key: identity, limits and rights. It never holds a secret, see api_key_secrets.
-- `version` grows with every change; the key's Durable Object refuses callers that hold an older one.
-- `policy`: JSON as `keyPolicySchema` (src/accounts/policy.ts). Written by: admin API. Lives: for ever (the ledger names it).
CREATE TABLE IF NOT EXISTS api_keys (
  id TEXT PRIMARY KEY,
  organisation_id TEXT NOT NULL REFERENCES organisations (id),
  name TEXT NOT NULL,
  policy TEXT NOT NULL,
  version INTEGER NOT NULL DEFAULT 1,
  expires_at INTEGER,
  revoked_at INTEGER,
  created_at INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS api_keys_by_organisation ON api_keys (organisation_id, created_at);

-- The secrets that open a key: one, or two while a rotation's grace period runs. `hash`: HMAC-SHA-256(KEY_PEPPER, secret),
-- hex; the secret itself is shown once and stored nowhere. `hint`: prefix and last four characters, for people.
-- Written by: admin API (create, rotate). Lives: until `expires_at`, then removed by the nightly cron.
CREATE TABLE IF NOT EXISTS api_key_secrets (
  hash TEXT PRIMARY KEY,
  key_id TEXT NOT NULL REFERENCES api_keys (id),
  hint TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  expires_at INTEGER
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS api_key_secrets_by_key ON api_key_secrets (key_id);

-- An organisation's own credential at a provider, AES-256-GCM under a key derived per organisation
-- (src/accounts/credentials.ts). `only`: 1 = the installation's own key never stands in for it. `sealed_by`: which master secret
-- sealed it, as a fingerprint; null = sealed before there were any. Written by: admin API. Lives: until deleted.
CREATE TABLE IF NOT EXISTS provider_credentials (
  organisation_id TEXT NOT NULL REFERENCES organisations (id),
  provider TEXT NOT NULL,
  iv TEXT NOT NULL,
  ciphertext TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  only INTEGER NOT NULL DEFAULT 1,
  sealed_by TEXT,
  PRIMARY KEY (organisation_id, provider)
) WITHOUT ROWID;

-- Who may hand out tokens (JWT) for an organisation's users: they call with the limits of `key_id`. `issuer`: what `iss` says, '' for tokens
-- that do not say. `jwks_url`, or a shared secret sealed as a credential is. Written by: admin API. Lives: until deleted.
CREATE TABLE IF NOT EXISTS token_issuers (
  issuer TEXT PRIMARY KEY,
  organisation_id TEXT NOT NULL REFERENCES organisations (id),
  key_id TEXT NOT NULL REFERENCES api_keys (id),
  jwks_url TEXT,
  iv TEXT,
  ciphertext TEXT,
  sealed_by TEXT,
  created_at INTEGER NOT NULL
) WITHOUT ROWID;

-- Who changed what. Written by: every admin change, in the same batch as the change. Lives: for ever.
CREATE TABLE IF NOT EXISTS audit_events (
  id TEXT PRIMARY KEY,
  at INTEGER NOT NULL,
  actor TEXT NOT NULL,
  action TEXT NOT NULL,
  subject TEXT NOT NULL,
  organisation_id TEXT,
  detail TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS audit_events_by_time ON audit_events (at);
CREATE INDEX IF NOT EXISTS audit_events_by_subject ON audit_events (subject, at);
CREATE INDEX IF NOT EXISTS audit_events_by_organisation ON audit_events (organisation_id, at, id);

-- ── catalog ─────────────────────────────────────────────────────────────────────────────────────────────────────────

-- A model by its public name. `kind`: as `modelKinds` (src/catalog/rows.ts). `capabilities`: JSON list of text, vision, audio, pdf, tools, json_schema, reasoning,
-- embedding, … Written by: catalog.sql (generated by `npm run catalog`). Lives: until replaced.
CREATE TABLE IF NOT EXISTS models (
  id TEXT PRIMARY KEY,
  owner TEXT NOT NULL,
  kind TEXT NOT NULL,
  input_modalities TEXT NOT NULL,
  output_modalities TEXT NOT NULL,
  capabilities TEXT NOT NULL,
  context_tokens INTEGER,
  max_output_tokens INTEGER,
  released_at INTEGER
) WITHOUT ROWID;

-- A model as one provider serves it. `upstream_id`: what that provider calls it. Written by and lives: as models.
CREATE TABLE IF NOT EXISTS deployments (
  provider TEXT NOT NULL,
  upstream_id TEXT NOT NULL,
  model_id TEXT NOT NULL REFERENCES models (id),
  PRIMARY KEY (provider, upstream_id)
) WITHOUT ROWID;

-- Models and deployments as the operator has them: each counts in the place of the row above of the same key, or is one of the operator's own.
-- catalog.sql never touches them, so they outlive every deployment. `serves`: 0 = taken out, nobody is sent there.
-- Written by: admin API, dashboard. Lives: until it is taken back.
CREATE TABLE IF NOT EXISTS model_edits (
  id TEXT PRIMARY KEY,
  owner TEXT NOT NULL,
  kind TEXT NOT NULL,
  input_modalities TEXT NOT NULL,
  output_modalities TEXT NOT NULL,
  capabilities TEXT NOT NULL,
  context_tokens INTEGER,
  max_output_tokens INTEGER,
  released_at INTEGER
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS deployment_edits (
  provider TEXT NOT NULL,
  upstream_id TEXT NOT NULL,
  model_id TEXT NOT NULL,
  serves INTEGER NOT NULL DEFAULT 1,
  PRIMARY KEY (provider, upstream_id)
) WITHOUT ROWID;

-- What one unit of a class costs on a deployment from a day on. `class`: input, cached_input, cache_write, output,
-- input_audio, output_audio, input_image, output_image, web_search, image, audio_second, request, …, with `:flex`, `:priority` or
-- `:batch` what it costs in that service tier (src/ledger/price.ts). `above_tokens`: the price holds for requests whose input
-- exceeds it (long-context tiers). A row is never changed: a new price is a new `valid_from`. Written by: as models.
CREATE TABLE IF NOT EXISTS prices (
  provider TEXT NOT NULL,
  upstream_id TEXT NOT NULL,
  class TEXT NOT NULL,
  above_tokens INTEGER NOT NULL DEFAULT 0,
  valid_from INTEGER NOT NULL DEFAULT 0,
  pico_usd INTEGER NOT NULL,
  source TEXT NOT NULL,
  PRIMARY KEY (provider, upstream_id, class, above_tokens, valid_from)
) WITHOUT ROWID;

-- A public name that stands for other names, in order of `position`. `target`: a name, `provider/*`, or `*` for everything;
-- `weight`: its share where the alias is `weighted`. `organisation_id` '' = for everyone, '*' = for everyone as aliases.sql has it, which nobody
-- calls. Written by: aliases.sql, admin API, dashboard. Lives: until deleted.
CREATE TABLE IF NOT EXISTS aliases (
  organisation_id TEXT NOT NULL DEFAULT '',
  name TEXT NOT NULL,
  position INTEGER NOT NULL,
  target TEXT NOT NULL,
  weight INTEGER NOT NULL DEFAULT 1,
  PRIMARY KEY (organisation_id, name, position)
) WITHOUT ROWID;

-- How an alias chooses among its targets: `pick` is order (the default), cheapest, fastest, throughput or weighted; `hedges` and
-- `continues`: 1 = its requests are hedged, and broken streams go on elsewhere, unasked. `own`: 1 = somebody here wrote it, so aliases.sql leaves
-- it alone; without targets it stands for one that was removed. Written by and lives: as aliases.
CREATE TABLE IF NOT EXISTS alias_rules (
  organisation_id TEXT NOT NULL DEFAULT '',
  name TEXT NOT NULL,
  pick TEXT NOT NULL,
  hedges INTEGER NOT NULL DEFAULT 0,
  continues INTEGER NOT NULL DEFAULT 0,
  own INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (organisation_id, name)
) WITHOUT ROWID;

-- ── ledger ──────────────────────────────────────────────────────────────────────────────────────────────────────────

-- Absolute totals of one key, hour and model. Written by: the key's Durable Object (alarm or flush), as an upsert that
-- may repeat. `hour`: Unix time / 3,600,000. Lives: for ever.
CREATE TABLE IF NOT EXISTS usage_hourly (
  key_id TEXT NOT NULL,
  hour INTEGER NOT NULL,
  model TEXT NOT NULL,
  organisation_id TEXT NOT NULL,
  requests INTEGER NOT NULL,
  errors INTEGER NOT NULL,
  input_tokens INTEGER NOT NULL,
  cached_tokens INTEGER NOT NULL,
  cache_write_tokens INTEGER NOT NULL,
  output_tokens INTEGER NOT NULL,
  reasoning_tokens INTEGER NOT NULL,
  cost_nano_usd INTEGER NOT NULL,
  PRIMARY KEY (key_id, hour, model)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS usage_hourly_by_organisation ON usage_hourly (organisation_id, hour);
CREATE INDEX IF NOT EXISTS usage_hourly_by_time ON usage_hourly (hour);

-- Of usage_hourly what applications asked for that say their names (src/pipeline/attribution.ts). `app`: a title, or a host. Written and lives:
-- as usage_hourly.
CREATE TABLE IF NOT EXISTS usage_by_app (
  key_id TEXT NOT NULL,
  hour INTEGER NOT NULL,
  model TEXT NOT NULL,
  app TEXT NOT NULL,
  organisation_id TEXT NOT NULL,
  requests INTEGER NOT NULL,
  errors INTEGER NOT NULL,
  input_tokens INTEGER NOT NULL,
  cached_tokens INTEGER NOT NULL,
  cache_write_tokens INTEGER NOT NULL,
  output_tokens INTEGER NOT NULL,
  reasoning_tokens INTEGER NOT NULL,
  cost_nano_usd INTEGER NOT NULL,
  PRIMARY KEY (key_id, hour, model, app)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS usage_by_app_by_organisation ON usage_by_app (organisation_id, hour);

-- Recent requests, one row each, for look-up by X-Request-ID. `entry`: JSON as `LedgerEntry` (src/ledger/entry.ts) with its
-- place in its key's chain (src/receipts/chain.ts); never a prompt or an answer. Corrections (`adj…`) are rows of their own. Written by: the key's Durable Object, in batches, idempotent by id. Lives: 30 days (cron).
CREATE TABLE IF NOT EXISTS requests (
  id TEXT PRIMARY KEY,
  at INTEGER NOT NULL,
  key_id TEXT NOT NULL,
  organisation_id TEXT NOT NULL,
  entry TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS requests_by_organisation ON requests (organisation_id, id);

-- In which order a key's requests are chained: what its receipts are listed by. Written and lives: as requests.
CREATE TABLE IF NOT EXISTS receipts (
  organisation_id TEXT NOT NULL,
  key_id TEXT NOT NULL,
  sequence INTEGER NOT NULL,
  request_id TEXT NOT NULL,
  PRIMARY KEY (organisation_id, key_id, sequence)
) WITHOUT ROWID;

-- How many requests of a key were refused before any provider was asked, by hour and error code (src/errors.ts): absolute counts. Written by: the key's
-- Durable Object with its roll-up, as an upsert that may repeat. `hour`: Unix time / 3,600,000. Lives: for ever.
CREATE TABLE IF NOT EXISTS refusals_hourly (
  key_id TEXT NOT NULL,
  hour INTEGER NOT NULL,
  code TEXT NOT NULL,
  organisation_id TEXT NOT NULL,
  requests INTEGER NOT NULL,
  PRIMARY KEY (key_id, hour, code)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS refusals_hourly_by_organisation ON refusals_hourly (organisation_id, hour);

-- The last 100 refused requests of each key, for look-up by X-Request-ID. `model`: as it was asked for, null where the request did not come so far, or is
-- sovereign; `protocol`: the client's. Written by: as refusals_hourly, idempotent by id. Lives: as requests, or until 100 others have come (the key's object).
CREATE TABLE IF NOT EXISTS refused_requests (
  id TEXT PRIMARY KEY,
  at INTEGER NOT NULL,
  key_id TEXT NOT NULL,
  organisation_id TEXT NOT NULL,
  status INTEGER NOT NULL,
  code TEXT NOT NULL,
  model TEXT,
  protocol TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS refused_requests_by_organisation ON refused_requests (organisation_id, id);
CREATE INDEX IF NOT EXISTS refused_requests_by_key ON refused_requests (key_id, id);

-- The credit ledger of organisations that pay in advance, as their accounts have it: money in (grant, top_up) and out
-- (refund, expire, chargeback, adjustment), never changed. Written by: the admin API, Stripe's webhook and the account's Durable Object, by id.
-- Lives: for ever.
CREATE TABLE IF NOT EXISTS credit_entries (
  organisation_id TEXT NOT NULL,
  id TEXT NOT NULL,
  at INTEGER NOT NULL,
  kind TEXT NOT NULL,
  nano_usd INTEGER NOT NULL,
  reason TEXT NOT NULL,
  expires_at INTEGER,
  PRIMARY KEY (organisation_id, id)
) WITHOUT ROWID;

-- What somebody should hear of: `budget.threshold` (a share of a budget has been handed out to keys; `subject` is its id), `budget.alert` (that share has been
-- spent, and people are told), `batch.undeliverable` (the queue has given up a message about a part of a batch; its object sends it anew).
-- Written by: the account's Durable Object and the batches' queue, by id. Lives: for ever.
CREATE TABLE IF NOT EXISTS events (
  id TEXT PRIMARY KEY,
  organisation_id TEXT NOT NULL,
  at INTEGER NOT NULL,
  kind TEXT NOT NULL,
  subject TEXT NOT NULL,
  detail TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS events_by_organisation ON events (organisation_id, at);

-- Who hears of an organisation's alerts. `roles`: JSON list, whose members get an e-mail. `key_shares`: JSON list, at which shares of keys' own limits. `webhook_url`: where a signed call goes; what signs it is derived
-- (src/accounts/webhook-secret.ts) from `secret_version`, and for a day after `rotated_at` from the one before too. Written by: dashboard. Lives: as the
-- organisation; without a row its owners are told by e-mail.
CREATE TABLE IF NOT EXISTS alert_targets (
  organisation_id TEXT PRIMARY KEY REFERENCES organisations (id),
  roles TEXT NOT NULL,
  webhook_url TEXT,
  secret_version INTEGER NOT NULL DEFAULT 1,
  rotated_at INTEGER,
  key_shares TEXT NOT NULL DEFAULT '[0.8,0.95]'
) WITHOUT ROWID;

-- ── files and batches ───────────────────────────────────────────────────────────────────────────────────────────────

-- A file, whose bytes lie in R2 (binding FILES) under `<organisation_id>/<id>/…`, sealed. `objects`: JSON list of [name, plain bytes], one
-- behind the other; `seal`: the file's key as JSON, under the master secret (src/files/cipher.ts). `type`: its content type. Ids grow with
-- time: lists go by them. Written by: src/files. Lives: until `expires_at` or deletion, and as the input of a batch until that has ended.
CREATE TABLE IF NOT EXISTS files (
  id TEXT PRIMARY KEY,
  organisation_id TEXT NOT NULL REFERENCES organisations (id),
  filename TEXT NOT NULL,
  purpose TEXT NOT NULL,
  bytes INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  expires_at INTEGER,
  type TEXT NOT NULL DEFAULT 'application/octet-stream',
  objects TEXT NOT NULL DEFAULT '[]',
  seal TEXT NOT NULL DEFAULT ''
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS files_in_order ON files (organisation_id, id);
CREATE INDEX IF NOT EXISTS files_held ON files (organisation_id, bytes, expires_at);
CREATE INDEX IF NOT EXISTS files_by_expiry ON files (expires_at) WHERE expires_at IS NOT NULL;

-- A file that comes in parts. `bytes`: how many it will have; `taken_bytes`: how many its parts have so far, those left out in the end
-- included. `file_id`: what it will be called; `seal`: its key already. `file_lives_ms`: how long the file lives; null = until it is deleted.
-- Written by: src/files. Lives: pending for an hour, then 30 days.
CREATE TABLE IF NOT EXISTS uploads (
  id TEXT PRIMARY KEY,
  organisation_id TEXT NOT NULL REFERENCES organisations (id),
  file_id TEXT NOT NULL,
  filename TEXT NOT NULL,
  purpose TEXT NOT NULL,
  type TEXT NOT NULL,
  bytes INTEGER NOT NULL,
  taken_bytes INTEGER NOT NULL DEFAULT 0,
  status TEXT NOT NULL CHECK (status IN ('pending', 'completed', 'cancelled', 'expired')),
  created_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  file_lives_ms INTEGER,
  seal TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS uploads_by_organisation ON uploads (organisation_id, status);

-- A part of an upload, which is an object of its own. Written by: src/files. Lives: while its upload is pending.
CREATE TABLE IF NOT EXISTS upload_parts (
  upload_id TEXT NOT NULL REFERENCES uploads (id),
  id TEXT NOT NULL,
  name TEXT NOT NULL,
  bytes INTEGER NOT NULL,
  PRIMARY KEY (upload_id, id)
) WITHOUT ROWID;

-- Objects in R2 that belong to no file: being written (`since` then), or to be deleted (0). `multipart`: R2's id of an upload in parts.
-- Written by: src/files, before the first byte. Lives: until a file has the object, or R2 has deleted it; the night sees to those left behind.
CREATE TABLE IF NOT EXISTS loose_objects (
  name TEXT PRIMARY KEY,
  multipart TEXT,
  since INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS loose_objects_by_age ON loose_objects (since);

-- Which films an organisation has asked for; what each is its Durable Object knows. Written by: src/videos. Lives: until it is deleted, or
-- 30 days after its end.
CREATE TABLE IF NOT EXISTS videos (
  organisation_id TEXT NOT NULL REFERENCES organisations (id),
  id TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  PRIMARY KEY (organisation_id, id)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS videos_in_order ON videos (organisation_id, created_at, id);

-- Which batches an organisation has, for lists; the truth about each lies in its Durable Object (src/batches/batch-run.do.ts). `shape`: file or
-- messages, as what its requests came. Ids grow with time: lists go by them. Written by: src/batches. Lives: 30 days after its end.
CREATE TABLE IF NOT EXISTS batches (
  id TEXT PRIMARY KEY,
  organisation_id TEXT NOT NULL REFERENCES organisations (id),
  key_id TEXT NOT NULL REFERENCES api_keys (id),
  endpoint TEXT NOT NULL,
  input_file_id TEXT NOT NULL,
  status TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  shape TEXT NOT NULL DEFAULT 'file'
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS batches_in_order ON batches (organisation_id, shape, id);
