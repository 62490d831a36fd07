import { expectSameDocuments, hashDocuments, OWN_POLICY_ID } from './documents.ts';
import type { Place } from './place.ts';

export const DEFAULT_POLICY_ID = '2c53a13c-1765-11e8-82ef-23527761d060';

/** All that a user of the archive can see. */
export interface View {
  readonly policies: string;
  /** By policy id: what `policy get --detail` prints. */
  readonly details: ReadonlyMap<string, string>;
  readonly documents: ReadonlyMap<string, string>;
}

export const look = async ({ shell }: Place): Promise<View> => {
  const details = new Map<string, string>();
  for (const id of [DEFAULT_POLICY_ID, OWN_POLICY_ID])
    details.set(id, await shell.run(`anchore-cli policy get ${id} --detail`));
  return { policies: await shell.run('anchore-cli policy list'), details, documents: await hashDocuments(shell) };
};

/** Throws with what differs. */
export const expectSame = (before: View, after: View, when: string): void => {
  if (before.policies !== after.policies)
    throw new Error(`${when}: the list of policies differs:\n${before.policies}\n${after.policies}`);
  for (const [id, detail] of before.details)
    if (after.details.get(id) !== detail) throw new Error(`${when}: policy ${id} differs`);
  expectSameDocuments(before.documents, after.documents, when);
};

/** Where the bytes of the documents lie. Throws where it is anywhere else. */
export const expectPlace = async (place: Place, where: 'database' | 's3', count: number): Promise<void> => {
  const [inDatabase, inBucket] = [await place.countInDatabase(), (await place.listBucket()).length];
  const expected = where === 'database' ? [count, 0] : [0, count];
  if (inDatabase !== expected[0] || inBucket !== expected[1])
    throw new Error(
      `expected ${count} documents in ${where} alone; ${inDatabase} are in the database, ${inBucket} in the bucket`,
    );
};
