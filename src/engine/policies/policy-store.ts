import type { Database, Queryable } from '../../database/database.ts';

/** A row of `policy_bundle`. Times are epoch seconds. */
export interface PolicyRow {
  readonly policyId: string;
  readonly userId: string;
  readonly active: boolean;
  readonly policySource: string;
  readonly createdAt: number | null;
  readonly lastUpdated: number | null;
}

interface Row {
  policyId: string;
  userId: string;
  active: boolean | null;
  policy_source: string | null;
  created_at: number | null;
  last_updated: number | null;
}

const COLUMNS = '"policyId", "userId", active, policy_source, created_at, last_updated';
const NOW = 'extract(epoch FROM now())::integer';

const fromRow = (row: Row): PolicyRow => ({
  policyId: row.policyId,
  userId: row.userId,
  active: row.active === true,
  policySource: row.policy_source ?? 'local',
  createdAt: row.created_at,
  lastUpdated: row.last_updated,
});

export const listPolicies = async (db: Queryable, userId: string): Promise<readonly PolicyRow[]> => {
  const { rows } = await db.query<Row>(
    `SELECT ${COLUMNS} FROM policy_bundle WHERE "userId" = $1 ORDER BY created_at, "policyId"`,
    [userId],
  );
  return rows.map(fromRow);
};

export const hasPolicies = async (db: Queryable, userId: string): Promise<boolean> =>
  (await db.query('SELECT 1 FROM policy_bundle WHERE "userId" = $1 LIMIT 1', [userId])).count > 0;

export const findPolicy = async (db: Queryable, userId: string, policyId: string): Promise<PolicyRow | undefined> => {
  const { rows } = await db.query<Row>(`SELECT ${COLUMNS} FROM policy_bundle WHERE "userId" = $1 AND "policyId" = $2`, [
    userId,
    policyId,
  ]);
  return rows[0] && fromRow(rows[0]);
};

/** The advisory lock under which an account's policies change, so that exactly one is active. */
const POLICY_LOCK_CLASS = 0x6166;

/** The advisory lock that is held over a bundle's document and its row. Always taken before the other one. */
const BUNDLE_LOCK_CLASS = 0x6168;
const BUNDLE_LOCK_TIMEOUT = '30s';

/**
 * Holds an account's bundles for as long as the work takes, on whatever service. The work's own statements go over other
 * connections: they commit before the lock is free. The embedded database has one session and one service.
 */
export const holdBundles = async <T>(db: Database, userId: string, work: () => Promise<T>): Promise<T> => {
  if (db.kind === 'embedded') return work();
  // A connection of its own: those that hold the pool's could otherwise wait for each other.
  await using session = await db.openSession();
  return await session.transaction(async (tx) => {
    await tx.query(`SELECT set_config('lock_timeout', $1, true)`, [BUNDLE_LOCK_TIMEOUT]);
    await tx.query('SELECT pg_advisory_xact_lock($1::int, hashtext($2))', [BUNDLE_LOCK_CLASS, userId]);
    return work();
  });
};

/** Runs what changes an account's policies: one at a time, on whatever service. */
const changePolicies = <T>(db: Database, userId: string, work: (tx: Queryable) => Promise<T>): Promise<T> =>
  db.transaction(async (tx) => {
    await tx.query('SELECT pg_advisory_xact_lock($1::int, hashtext($2))', [POLICY_LOCK_CLASS, userId]);
    return work(tx);
  });

/** Inserts a policy, or notes that it was changed. An account's first policy is the active one. */
export const savePolicy = (db: Database, userId: string, policyId: string): Promise<void> =>
  changePolicies(db, userId, async (tx) => {
    await tx.query(
      `INSERT INTO policy_bundle ("policyId", "userId", active, policy_source, created_at, last_updated, record_state_key)
       VALUES ($1, $2::varchar, NOT EXISTS (SELECT 1 FROM policy_bundle WHERE "userId" = $2::varchar AND active), 'local', ${NOW}, ${NOW}, 'active')
       ON CONFLICT ("policyId", "userId") DO UPDATE SET last_updated = EXCLUDED.last_updated`,
      [policyId, userId],
    );
  });

/** Makes this policy the active one, and no other. false where there is none of that id. */
export const activatePolicy = (db: Database, userId: string, policyId: string): Promise<boolean> =>
  changePolicies(db, userId, async (tx) => {
    if ((await findPolicy(tx, userId, policyId)) === undefined) return false;
    await tx.query(
      `UPDATE policy_bundle SET active = ("policyId" = $1), last_updated = ${NOW}
        WHERE "userId" = $2 AND active IS DISTINCT FROM ("policyId" = $1)`,
      [policyId, userId],
    );
    return true;
  });

/** Deletes the row of a policy that is not the active one. */
export const deletePolicyRow = (
  db: Database,
  userId: string,
  policyId: string,
): Promise<'deleted' | 'active' | 'absent'> =>
  changePolicies(db, userId, async (tx) => {
    const row = await findPolicy(tx, userId, policyId);
    if (row === undefined) return 'absent';
    if (row.active) return 'active';
    await tx.query('DELETE FROM policy_bundle WHERE "userId" = $1 AND "policyId" = $2', [userId, policyId]);
    return 'deleted';
  });
