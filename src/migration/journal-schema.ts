/**
 * Our own tables, beside Anchore's. Numbered, applied once each, in order; a number is never changed after a release.
 *
 * - `archive_mover_migration`: one row a migration, beside its row in `tasks`; `epoch` fences every write of a journal.
 *   `unmarked`: it has been switched, and each of its documents that says `copied` is `switched`.
 * - `archive_mover_document`: one row a document of a migration; `seq` is its place in key order.
 * - `archive_mover_chunk`: ranges of `seq`, which workers claim.
 * - `archive_mover_worker`: who holds (or held) a claim; alive while its session's advisory lock is held.
 * - `archive_mover_current_store`: which store the last switch of each archive made current (rule R8).
 * - `archive_mover_run`: one row a process that worked on a migration: how far it is, and how it ended.
 * - `archive_mover_sample`: how far a run was at some moments, for its rate over time.
 * - `archive_mover_control`: what a running process is asked to do: pause, keep limits.
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
  `
  CREATE TABLE archive_mover_run (
    migration_id integer NOT NULL REFERENCES archive_mover_migration (id) ON DELETE CASCADE,
    epoch bigint NOT NULL,
    command text NOT NULL,
    executor text NOT NULL,
    tool_version text NOT NULL,
    started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    updated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    ended_at timestamptz,
    outcome text, exit_code integer, error_text text,
    phase text NOT NULL,
    hold text NOT NULL DEFAULT 'none' CHECK (hold IN ('none', 'pausing', 'paused')),
    control_seen bigint NOT NULL DEFAULT 0,
    planned bigint NOT NULL DEFAULT 0, planned_bytes bigint NOT NULL DEFAULT 0,
    done_before bigint NOT NULL DEFAULT 0,
    documents bigint NOT NULL DEFAULT 0, bytes bigint NOT NULL DEFAULT 0,
    to_clean bigint NOT NULL DEFAULT 0, cleaned bigint NOT NULL DEFAULT 0,
    in_flight integer NOT NULL DEFAULT 0,
    retries bigint NOT NULL DEFAULT 0,
    failures bigint NOT NULL DEFAULT 0,
    switched bigint NOT NULL DEFAULT 0, switch_seconds double precision,
    paused_seconds double precision NOT NULL DEFAULT 0,
    PRIMARY KEY (migration_id, epoch)
  );
  CREATE TABLE archive_mover_sample (
    migration_id integer NOT NULL REFERENCES archive_mover_migration (id) ON DELETE CASCADE,
    epoch bigint NOT NULL,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    phase text NOT NULL,
    documents bigint NOT NULL, bytes bigint NOT NULL, cleaned bigint NOT NULL,
    in_flight integer NOT NULL, retries bigint NOT NULL, failures bigint NOT NULL,
    PRIMARY KEY (migration_id, epoch, at)
  );
  CREATE TABLE archive_mover_control (
    migration_id integer PRIMARY KEY REFERENCES archive_mover_migration (id) ON DELETE CASCADE,
    revision bigint NOT NULL DEFAULT 0,
    paused boolean NOT NULL DEFAULT false,
    bandwidth_bytes_per_second bigint,
    requests_per_second double precision,
    concurrency integer,
    set_by text, set_at timestamptz
  );
  `,
  // Whether a write of this key has an outcome that nobody knows: a copy that was acknowledged cannot land late any more.
  `
  ALTER TABLE archive_mover_document ADD COLUMN unsettled boolean NOT NULL DEFAULT false;
  UPDATE archive_mover_document SET unsettled = attempts > 0;
  `,
  // `unmarked`: the switch speaks for all its documents at once; their own records are marked after it.
  // `dst_version`: of the copy, when it was read and found right.
  `
  ALTER TABLE archive_mover_migration ADD COLUMN unmarked boolean NOT NULL DEFAULT false;
  ALTER TABLE archive_mover_document ADD COLUMN dst_version text;
  `,
  // One current store for each archive. The one row of before belongs to the archive that its migration concerned; to both,
  // where that one knew of no archive of analyses and has moved analyses. What it had replaced is not known any more.
  `
  ALTER TABLE archive_mover_current_store DROP COLUMN only_row;
  ALTER TABLE archive_mover_current_store
    ADD COLUMN archive text NOT NULL DEFAULT 'object-store' CHECK (archive IN ('object-store', 'analysis-archive'));
  UPDATE archive_mover_current_store c SET archive = 'analysis-archive'
    FROM archive_mover_migration m WHERE m.id = c.migration_id AND m.scope->>'ownBuckets' IS NOT NULL;
  INSERT INTO archive_mover_current_store (archive, migration_id, driver, fingerprint, namespace, description, sample_url, since)
    SELECT 'analysis-archive', migration_id, driver, fingerprint, namespace, description, sample_url, since
      FROM archive_mover_current_store c
     WHERE c.archive = 'object-store'
       AND EXISTS (SELECT 1 FROM archive_mover_document d
                    WHERE d.migration_id = c.migration_id AND d.bucket = 'analysis_archive'
                      AND d.state IN ('copied', 'switched', 'cleaning', 'cleaned'));
  ALTER TABLE archive_mover_current_store ALTER COLUMN archive DROP DEFAULT, ADD PRIMARY KEY (archive);
  `,
  // Whether a delete of this document, at either side, has an outcome that nobody knows: it may take effect later (rule R9).
  `
  ALTER TABLE archive_mover_document ADD COLUMN delete_unsettled boolean NOT NULL DEFAULT false;
  UPDATE archive_mover_document SET delete_unsettled = true WHERE state = 'cleaning';
  `,
];

/** In the order in which they can be dropped. */
export const JOURNAL_TABLES: readonly string[] = [
  'archive_mover_current_store',
  'archive_mover_control',
  'archive_mover_sample',
  'archive_mover_run',
  'archive_mover_chunk',
  'archive_mover_worker',
  'archive_mover_document',
  'archive_mover_migration',
];
