import { access, constants, mkdir, rm, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import type { Store } from '../../archive/store.ts';
import type { ArchiveConfig } from '../../config/archive-section.ts';
import { AppError, isAppError, unreachable } from '../../core/errors.ts';
import type { Database } from '../../database/database.ts';
import type { Driver } from '../../drivers/contract.ts';
import { openDriver } from '../../drivers/registry.ts';
import { Limits } from '../../drivers/wrappers/limits.ts';
import { makeReliable } from '../../drivers/wrappers/standard.ts';
import { SINGLE_PROBE } from '../../drivers/wrappers/under-probe-names.ts';
import type { Side } from '../../migration/requests.ts';
import type { CommandContext } from '../context.ts';
import { scopeOf } from '../open-side.ts';
import type { PlannedSide } from './plan.ts';

/** One side of a plan, opened without creating anything. */
export interface PlannedStore extends AsyncDisposable {
  readonly side: Side;
  readonly state: PlannedSide['state'];
  /** Why it is `missing` or `unusable`. */
  readonly error: AppError | undefined;
}

/** Whether `migrate` makes the place where documents will lie, if it is not there. */
const wouldBeCreated = ({ driver }: ArchiveConfig): boolean => {
  switch (driver.name) {
    case 'db':
    case 'db2':
    case 'localfs':
      return true;
    case 's3':
      return driver.options.createBucket;
    case 'swift':
    case 'azure':
      return driver.options.createContainer;
    default:
      return unreachable(driver);
  }
};

const describeAbsent = (config: ArchiveConfig): string =>
  config.driver.name === 'localfs' ? `folder ${config.driver.options.archiveDataDir}` : config.driver.name;

/** What cannot be reached, or does not exist yet, has no identity: it then differs from every store that has one. */
const identifyStore = async (
  driver: Driver,
  config: ArchiveConfig,
  signal: AbortSignal,
): Promise<Store['identity']> => {
  try {
    return await driver.identify(signal);
  } catch (error) {
    signal.throwIfAborted();
    if (!isAppError(error)) throw error;
    const description = describeAbsent(config);
    return { driver: driver.name, fingerprint: `absent:${resolve(config.file)}`, namespace: 'absent', description };
  }
};

const findState = async (
  driver: Driver,
  config: ArchiveConfig,
  role: 'source' | 'destination',
  signal: AbortSignal,
): Promise<Pick<PlannedStore, 'state' | 'error'>> => {
  try {
    await driver.head({ key: SINGLE_PROBE, url: driver.locate(SINGLE_PROBE) }, signal);
    return { state: 'ready', error: undefined };
  } catch (error) {
    signal.throwIfAborted();
    if (!isAppError(error)) throw error;
    if (error.code !== 'store.container-missing') return { state: 'unusable', error };
    return { state: role === 'destination' && wouldBeCreated(config) ? 'created' : 'missing', error };
  }
};

/**
 * Opens the store that a configuration names, as far as it can be: what is wrong with it is part of the answer. `limits`: what
 * its requests are held to. Throws `config.*`.
 */
export const openPlanned = async (
  context: CommandContext,
  db: Database,
  config: ArchiveConfig,
  role: 'source' | 'destination',
  limits: Limits = new Limits(),
): Promise<PlannedStore> => {
  await using resources = new AsyncDisposableStack();
  const around = { database: db, environment: context.environment };
  const driver = resources.use(await openDriver(config.driver, around));
  const state = await findState(driver, config, role, context.signal);
  const store: Store = {
    driver: makeReliable(driver, { limits }),
    codec: config.compression,
    identity: await identifyStore(driver, config, context.signal),
  };
  const owned = resources.move();
  return {
    side: { store, config: resolve(config.file), archive: scopeOf(config) },
    ...state,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
};

/** The folder, or the nearest one above it that exists. */
export const findExistingFolder = async (path: string): Promise<string> => {
  for (let folder = resolve(path); ; folder = dirname(folder)) {
    const found = await stat(folder).catch(() => undefined);
    if (found?.isDirectory() === true || dirname(folder) === folder) return folder;
  }
};

/** Where a trial of a folder that does not exist yet is made: always the same name, so that the next finds what a kill has left. */
const TRIAL_FOLDER = '.anchore-manager-plan';

/** A store beside the place where the folder would be created, which goes with everything in it. Throws `store.denied`. */
export const openBesideAbsent = async (
  context: CommandContext,
  db: Database,
  config: ArchiveConfig,
  limits: Limits,
): Promise<PlannedStore | undefined> => {
  const { driver } = config;
  if (driver.name !== 'localfs') return undefined;
  const parent = await findExistingFolder(driver.options.archiveDataDir);
  const folder = join(parent, TRIAL_FOLDER);
  await rm(folder, { recursive: true, force: true });
  try {
    await mkdir(folder);
  } catch (cause) {
    throw new AppError('store.denied', `${driver.options.archiveDataDir} cannot be created in ${parent}`, {
      cause,
      remedy: `Create it yourself, or run the command as a user who may write to ${parent}.`,
    });
  }
  const beside: ArchiveConfig = {
    ...config,
    driver: { name: 'localfs', options: { ...driver.options, archiveDataDir: folder } },
  };
  const opened = await openPlanned(context, db, beside, 'destination', limits);
  return {
    ...opened,
    [Symbol.asyncDispose]: async () => {
      await opened[Symbol.asyncDispose]();
      await rm(folder, { recursive: true, force: true });
    },
  };
};

/** A file system says nothing to the deletion of what is not there; whether a folder may be written to is asked instead. */
export const refuseUnwritableFolder = async ({ driver }: ArchiveConfig): Promise<void> => {
  if (driver.name !== 'localfs') return;
  const folder = driver.options.archiveDataDir;
  try {
    await access(folder, constants.W_OK | constants.X_OK);
  } catch (cause) {
    throw new AppError('store.denied', `${folder} may not be written to by this user, so it cannot be cleaned`, {
      cause,
      remedy: 'Run the command as the user of the services, or give --nodelete.',
    });
  }
};
