import type { Database } from '../database/database.ts';
import { ensureAnchoreTables } from '../database/schema/anchore-tables.ts';
import { explainDenied, findTables, lockSchemaChanges } from '../database/schema/schema-changes.ts';

/**
 * `archive_engine_intent`: what a service is about to do with a document whose payload lies outside of the database, one
 * row a document. `owner` is the object id of the advisory lock that lives as long as that service (class
 * `OWNER_LOCK_CLASS`), 0 for none. Digests are lower-case hex MD5 of payloads.
 */
const INTENT_TABLE = 'archive_engine_intent';

const CREATE_INTENTS = `
  CREATE TABLE ${INTENT_TABLE} (
    bucket varchar NOT NULL, "archiveId" varchar NOT NULL, "userId" varchar NOT NULL, "documentName" varchar NOT NULL,
    token text NOT NULL,
    owner integer NOT NULL,
    kind text NOT NULL CHECK (kind IN ('create', 'replace', 'move', 'delete')),
    url text NOT NULL,
    new_digest text, new_size bigint, compressed boolean,
    old_digest text, old_size bigint,
    started_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (bucket, "archiveId", "userId", "documentName"))`;

/** Tables that a service needs beyond those of a migration, and older databases may lack. */
const SERVICE_TABLES = ['policy_bundle', 'services'];

/** Creates what is missing of Anchore's tables and of the service's own. Safe when several start at once. */
export const ensureEngineTables = async (db: Database): Promise<readonly string[]> => {
  const created = await ensureAnchoreTables(db);
  const present = await findTables(db, [INTENT_TABLE]);
  if (present.has(INTENT_TABLE)) return created;
  await explainDenied(db, "the service's own table", () =>
    db.transaction(async (tx) => {
      await lockSchemaChanges(tx);
      if (!(await findTables(tx, [INTENT_TABLE])).has(INTENT_TABLE)) await tx.query(CREATE_INTENTS);
    }),
  );
  return [...created, INTENT_TABLE];
};

/** Of the tables that a service cannot do without, those that this database lacks. */
export const findMissingTables = async (db: Database): Promise<readonly string[]> => {
  const present = await findTables(db, SERVICE_TABLES);
  return SERVICE_TABLES.filter((name) => !present.has(name));
};
