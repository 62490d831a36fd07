import { readAll } from '../../archive/codec.ts';
import { AppError, isAppError } from '../../core/errors.ts';
import type { Database } from '../../database/database.ts';
import type { DocumentKey } from '../../drivers/contract.ts';
import { contentOf } from '../documents/content-source.ts';
import type { DocumentArchive } from '../documents/document-archive.ts';
import { KeyMutex } from '../documents/key-mutex.ts';
import { parsePolicyBundle } from './bundle-schema.ts';
import { DEFAULT_BUNDLE } from './default-bundle.ts';
import {
  activatePolicy,
  deletePolicyRow,
  findPolicy,
  hasPolicies,
  holdBundles,
  listPolicies,
  type PolicyRow,
  savePolicy,
} from './policy-store.ts';

/** The bucket in which bundles lie: they change through policies alone. */
export const POLICY_BUCKET = 'policy_bundles';

/** Bundles are small; in bytes. */
export const MAX_BUNDLE_BYTES = 16 * 1024 * 1024;

export interface Policy {
  readonly row: PolicyRow;
  /** Only where it was asked for. */
  readonly bundle?: unknown;
}

const keyOf = (userId: string, policyId: string): DocumentKey => ({
  userId,
  bucket: POLICY_BUCKET,
  archiveId: policyId,
  documentName: `${policyId}.json`,
});

const notFound = (policyId: string): AppError =>
  new AppError('request.not-found', `there is no policy ${JSON.stringify(policyId)}`);

/** An account's policies: a row each, and the bundle as a document. */
export class Policies {
  readonly #db: Database;
  readonly #documents: DocumentArchive;
  /** A row and its document are two steps: one change after the other. They are rare, and each takes a connection. */
  readonly #mutex = new KeyMutex();

  constructor(db: Database, documents: DocumentArchive) {
    this.#db = db;
    this.#documents = documents;
  }

  async list(userId: string, detail: boolean, signal: AbortSignal): Promise<readonly Policy[]> {
    await this.ensureDefault(userId, signal);
    const policies: Policy[] = [];
    for (const row of await listPolicies(this.#db, userId)) {
      try {
        policies.push(detail ? { row, bundle: await this.#readBundle(row, signal) } : { row });
      } catch (error) {
        // Deleted since it was listed.
        if (!isAppError(error, 'request.not-found')) throw error;
      }
    }
    return policies;
  }

  /** Throws `request.not-found`. */
  async get(userId: string, policyId: string, detail: boolean, signal: AbortSignal): Promise<Policy> {
    await this.ensureDefault(userId, signal);
    const row = await findPolicy(this.#db, userId, policyId);
    if (row === undefined) throw notFound(policyId);
    return detail ? { row, bundle: await this.#readBundle(row, signal) } : { row };
  }

  /** Adds or replaces a bundle under its own id. Throws `request.invalid` with the place of what is wrong. */
  async save(userId: string, value: unknown, signal: AbortSignal): Promise<string> {
    const { id } = parsePolicyBundle(value);
    if (id.length > 200 || id.includes('\0'))
      throw new AppError('request.invalid', 'id: expected at most 200 characters');
    await this.ensureDefault(userId, signal);
    await this.#changeBundles(userId, () => this.#store(userId, id, value, signal));
    return id;
  }

  /** Throws `request.not-found`. */
  async activate(userId: string, policyId: string): Promise<void> {
    if (!(await activatePolicy(this.#db, userId, policyId))) throw notFound(policyId);
  }

  /** Throws `request.not-found`, and `request.conflict` for the active one. */
  async delete(userId: string, policyId: string, signal: AbortSignal): Promise<void> {
    await this.#changeBundles(userId, async () => {
      const outcome = await deletePolicyRow(this.#db, userId, policyId);
      if (outcome === 'absent') throw notFound(policyId);
      if (outcome === 'active')
        throw new AppError('request.conflict', `policy ${policyId} is the active one: activate another before`);
      await this.#documents.delete(keyOf(userId, policyId), signal);
    });
  }

  /**
   * An account without any policy gets the default one, when it first needs one: accounts are created by others, while this
   * service runs.
   */
  async ensureDefault(userId: string, signal: AbortSignal): Promise<void> {
    if (await hasPolicies(this.#db, userId)) return;
    await this.#changeBundles(userId, async () => {
      if (await hasPolicies(this.#db, userId)) return;
      await this.#store(userId, DEFAULT_BUNDLE.id, DEFAULT_BUNDLE, signal);
    });
  }

  async #store(userId: string, id: string, value: unknown, signal: AbortSignal): Promise<void> {
    // First the document: a row always has one.
    await this.#documents.put(keyOf(userId, id), contentOf(Buffer.from(JSON.stringify({ document: value }))), signal);
    await savePolicy(this.#db, userId, id);
  }

  async #changeBundles<T>(userId: string, work: () => Promise<T>): Promise<T> {
    using _ = await this.#mutex.acquire('');
    return await holdBundles(this.#db, userId, work);
  }

  async #readBundle(row: PolicyRow, signal: AbortSignal): Promise<unknown> {
    using opened = await this.#documents.open(keyOf(row.userId, row.policyId), signal);
    const bytes = opened && (await readAll(opened.chunks, MAX_BUNDLE_BYTES));
    if (bytes === undefined && (await findPolicy(this.#db, row.userId, row.policyId)) === undefined)
      throw notFound(row.policyId);
    if (bytes === undefined)
      throw new AppError('document.missing', `policy ${row.policyId} has no bundle that can be read`);
    const value: unknown = JSON.parse(bytes.toString('utf8'));
    return typeof value === 'object' && value !== null && 'document' in value ? value.document : value;
  }
}
