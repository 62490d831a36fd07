/**
 * Our own tables, beside Anchore's. Numbered, applied once each, in order; a number is never changed after a release.
 *
 * - `archive_mover_migration`: one row a migration, beside its row in `tasks`; `epoch` fences every write of a journal.
 * - `archive_mover_document`: one row a document of a migration; `seq` is its place in key order.
 * - `archive_mover_chunk`: ranges of `seq`, which workers claim.
 * - `archive_mover_worker`: who holds (or held) a claim; alive while its session's advisory lock is held.
 * - `archive_mover_current_store`: which store the last switch made current (rule R8).
 */
export const JOURNAL_MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE archive_mover_migration (
    id integer PRIMARY KEY,
    kind text NOT NULL CHECK (kind IN ('migrate', 'rollback')),
    rolls_back integer,
    phase text NOT NULL
      CHECK (phase IN ('copying', 'moving', 'switched', 'cleaning', 'cleaned', 'rolled-back', 'abandoned')),
    pause text,
    epoch bigint NOT NULL DEFAULT 0,
    from_driver text NOT NULL, from_fingerprint text NOT NULL, from_namespace text NOT NULL,
    from_description text NOT NULL, from_config text NOT NULL, from_codec jsonb NOT NULL,
    to_driver text NOT NULL, to_fingerprint text NOT NULL, to_namespace text NOT NULL,
    to_description text NOT NULL, to_config text NOT NULL, to_codec jsonb NOT NULL,
    scope jsonb NOT NULL,
    identical_urls boolean NOT NULL,
    destination_was_empty boolean NOT NULL,
    keep_source boolean NOT NULL,
    move boolean NOT NULL,
    canary jsonb,
    canary_payload bytea,
    tool_version text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    switched_at timestamptz,
    switch_seconds double precision,
    cleaned_at timestamptz,
    finished_at timestamptz
  );
  CREATE TABLE archive_mover_document (
    migration_id integer NOT NULL REFERENCES archive_mover_migration (id) ON DELETE CASCADE,
    seq bigint NOT NULL,
    bucket text NOT NULL, archive_id text NOT NULL, user_id text NOT NULL, document_name text NOT NULL,
    state text NOT NULL CHECK (state IN ('planned', 'copying', 'copied', 'switched', 'cleaning', 'cleaned', 'failed',
                                         'skipped', 'dropped')),
    src_url text, src_digest text, src_size bigint, src_compressed boolean, src_last_updated integer, read_digest text,
    dst_url text, dst_digest text, dst_size bigint, dst_compressed boolean, prev_digest text,
    sha256 text,
    owned boolean NOT NULL DEFAULT false,
    reuse boolean NOT NULL DEFAULT false,
    foreign_source boolean NOT NULL DEFAULT false,
    prove_again boolean NOT NULL DEFAULT false,
    copied_online boolean NOT NULL DEFAULT false,
    copied_epoch bigint,
    attempts integer NOT NULL DEFAULT 0,
    error_code text, error_text text,
    PRIMARY KEY (migration_id, seq)
  ) WITH (fillfactor = 50);
  CREATE UNIQUE INDEX archive_mover_document_key
    ON archive_mover_document (migration_id, bucket, archive_id, user_id, document_name);
  CREATE TABLE archive_mover_worker (
    id serial PRIMARY KEY,
    migration_id integer NOT NULL REFERENCES archive_mover_migration (id) ON DELETE CASCADE,
    executor text NOT NULL,
    started_at timestamptz NOT NULL DEFAULT now()
  );
  CREATE TABLE archive_mover_chunk (
    migration_id integer NOT NULL REFERENCES archive_mover_migration (id) ON DELETE CASCADE,
    first_seq bigint NOT NULL,
    last_seq bigint NOT NULL,
    worker_id integer,
    done boolean NOT NULL DEFAULT false,
    PRIMARY KEY (migration_id, first_seq)
  );
  CREATE TABLE archive_mover_current_store (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    migration_id integer NOT NULL,
    driver text NOT NULL, fingerprint text NOT NULL, namespace text NOT NULL, description text NOT NULL,
    sample_url text NOT NULL,
    since timestamptz NOT NULL DEFAULT now()
  );
  `,
];

/** In the order in which they can be dropped. */
export const JOURNAL_TABLES: readonly string[] = [
  'archive_mover_current_store',
  'archive_mover_chunk',
  'archive_mover_worker',
  'archive_mover_document',
  'archive_mover_migration',
];
