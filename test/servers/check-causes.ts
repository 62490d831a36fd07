import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { getRunning } from '../../scripts/servers/running.ts';
import { createConfigs, type TemporaryConfigs } from '../manager/temporary-configs.ts';
import { runManager } from '../support/manager.ts';
import { getTestPostgres, type TestDatabase } from '../support/postgres.ts';

type Options = Readonly<Record<string, string | boolean>>;

/** One thing that is wrong with a configuration, and what a person reads of it. */
export interface Cause {
  readonly name: string;
  /** What differs from a configuration that works; a value that is hidden begins with `hidden`. */
  readonly wrong: (credentials: Readonly<Record<string, string>>) => Options;
  readonly code: string;
  readonly error: RegExp;
  readonly remedy: RegExp;
}

export interface CauseCases {
  readonly server: string;
  readonly driver: string;
  /** A configuration that works. */
  readonly right: (credentials: Readonly<Record<string, string>>) => Options;
  readonly causes: readonly Cause[];
  /** What looks wrong and is not: the check succeeds all the same. */
  readonly harmless?: Readonly<Record<string, Options>>;
}

/** Checks a configuration that works, and each that is wrong in one way, against a server that looks. */
export const checkCauses = ({ server, driver, right, causes, harmless = {} }: CauseCases): void => {
  let configs: TemporaryConfigs;
  let database: TestDatabase;

  before(async () => {
    configs = await createConfigs();
    database = await (await getTestPostgres()).createDatabase();
  });

  after(async () => {
    await database.drop();
    await configs[Symbol.asyncDispose]();
  });

  const check = async (options: Options) =>
    runManager(
      [
        'archivestorage',
        '--db-connect',
        database.url,
        'check',
        await configs.write('c.yaml', driver, JSON.stringify(options)),
      ],
      { HTTP_PROXY: '', HTTPS_PROXY: '' },
    );

  test(`${server}: a configuration that works says what was tried`, async () => {
    const { credentials } = await getRunning(server);
    const { code, stderr } = await check(right(credentials));
    assert.equal(code, 0, stderr);
    assert.match(stderr, /Tried on .*: write \d+ ms, read \d+ ms, compare \d+ ms, list \d+ ms, delete \d+ ms$/m);
  });

  for (const [name, options] of Object.entries(harmless)) {
    test(`${server}: ${name}`, async () => {
      const { credentials } = await getRunning(server);
      const { code, stderr } = await check({ ...right(credentials), ...options });
      assert.equal(code, 0, stderr);
    });
  }

  for (const cause of causes) {
    test(`${server}: ${cause.name}`, async () => {
      const { credentials } = await getRunning(server);
      const { code, stderr } = await check({ ...right(credentials), ...cause.wrong(credentials) });
      assert.equal(code, 4, stderr);
      assert.ok(!stderr.includes('hidden'), stderr);
      assert.match(stderr, new RegExp(`^ {2}code: +${cause.code.replace('.', '\\.')}$`, 'm'));
      assert.match(/^Error: (.*)$/m.exec(stderr)?.[1] ?? '', cause.error, stderr);
      assert.match(/^ {2}remedy: (.*)$/m.exec(stderr)?.[1] ?? '', cause.remedy, stderr);
    });
  }
};
