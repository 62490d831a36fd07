import assert from 'node:assert/strict';
import { basename } from 'node:path';
import { describe, test } from 'node:test';
import { findForbiddenImports, findImportCycles } from './support/layer-rule.ts';
import { isTest, parseSourceFile, readSourceFiles } from './support/source-files.ts';

/** Tests may be longer: their length is that of a list. */
const MAX_LINES = { product: 400, test: 600 };

/** They say nothing of what is in them, so everything ends up there. */
const EMPTY_NAMES = ['utils.ts', 'util.ts', 'types.ts', 'helpers.ts', 'helper.ts', 'common.ts', 'misc.ts', 'index.ts'];

const isMain = (path: string): boolean => /^src\/[^/]+\/main\.ts$/.test(path);

describe('the code keeps its shape', async () => {
  const sources = await readSourceFiles('src');
  const everything = [...sources, ...(await readSourceFiles('test', 'scripts', 'bench'))];
  const product = sources.filter(({ path }) => !isTest(path));

  test('there are sources to look at', () => {
    assert.ok(product.length > 10);
    assert.ok(product.some(({ imports }) => imports.length > 0));
  });

  test('each layer imports only what it may', () => {
    assert.deepEqual(findForbiddenImports(sources), []);
  });

  test('no file imports itself, over others or directly', () => {
    assert.deepEqual(findImportCycles(everything), []);
  });

  test('one function deletes from a store while an archive moves, the marker of the alias check apart', () => {
    const deleters = product.filter(
      ({ path, code }) => path.startsWith('src/migration/') && /\bdriver\s*\.\s*delete\s*\(/.test(code),
    );
    assert.deepEqual(
      deleters.map(({ path }) => path),
      ['src/migration/aliases.ts', 'src/migration/deletion.ts'],
    );
  });

  test('the guide, which is played as a user would, sees nothing of the sources, directly or over others', () => {
    const importsOf = new Map(everything.map(({ path, imports }) => [path, imports]));
    const reached = new Set([...importsOf.keys()].filter((path) => /^scripts\/guide(\.ts$|\/)/.test(path)));
    assert.ok(reached.size > 5);
    for (const path of reached) for (const next of importsOf.get(path) ?? []) reached.add(next);
    assert.deepEqual(
      [...reached].filter((path) => path.startsWith('src/')),
      [],
    );
  });

  test('only the composition roots read the environment', () => {
    const readers = product.filter(
      ({ path, code }) => !isMain(path) && /\bprocess\s*(?:\.\s*env\b|\[\s*'env')/.test(code),
    );
    assert.deepEqual(
      readers.map(({ path }) => path),
      [],
    );
  });

  test("only a command's main sets the exit code", () => {
    const enders = product.filter(
      ({ path, code }) => !isMain(path) && /\bprocess\s*\.\s*(?:exit\s*\(|exitCode\s*=|abort\s*\()/.test(code),
    );
    assert.deepEqual(
      enders.map(({ path }) => path),
      [],
    );
  });

  test('no file is too long to be read in one sitting', () => {
    const limitOf = (path: string): number => (isTest(path) ? MAX_LINES.test : MAX_LINES.product);
    const long = everything
      .filter(({ path, lines }) => lines > limitOf(path))
      .map(({ path, lines }) => `${path}: ${lines}`);
    assert.deepEqual(long, []);
  });

  test('every name of a file says what is in it', () => {
    const named = product.filter(
      ({ path }) => EMPTY_NAMES.includes(basename(path)) || !/^[a-z0-9.-]+\.ts$/.test(basename(path)),
    );
    assert.deepEqual(
      named.map(({ path }) => path),
      [],
    );
  });
});

describe('the rule itself finds what it forbids', () => {
  const forbidden = (path: string, code: string): string[] => findForbiddenImports([parseSourceFile(path, code)]);

  for (const [path, target] of [
    ['src/core/errors.ts', '../database/database.ts'],
    ['src/database/a.ts', '../drivers/contract.ts'],
    ['src/config/a.ts', '../drivers/s3/driver.ts'],
    ['src/config/a.ts', '../database/database.ts'],
    ['src/drivers/s3/driver.ts', '../localfs/driver.ts'],
    ['src/drivers/s3/driver.ts', '../../database/database.ts'],
    ['src/drivers/wrappers/retry.ts', '../s3/driver.ts'],
    ['src/drivers/contract.ts', './s3/driver.ts'],
    ['src/drivers/sections.ts', './s3/driver.ts'],
    ['src/archive/a.ts', '../drivers/registry.ts'],
    ['src/migration/a.ts', '../config/a.ts'],
    ['src/migration/a.ts', '../stores/open-store.ts'],
    ['src/stores/a.ts', '../migration/migrate.ts'],
    ['src/stores/a.ts', '../manager/main.ts'],
    ['src/stores/a.ts', '../engine/main.ts'],
    ['src/stores/a.ts', '../drivers/s3/driver.ts'],
    ['src/manager/a.ts', '../drivers/s3/driver.ts'],
    ['src/manager/a.ts', '../engine/main.ts'],
    ['src/client/a.ts', '../database/database.ts'],
    ['src/core/a.ts', '../../test/support/postgres.ts'],
    ['src/core/a.ts', './b.test.ts'],
  ] as const)
    test(`${path} must not import ${target}`, () => {
      for (const code of [
        `import { a } from '${target}';`,
        `export type {\n  A,\n} from '${target}';`,
        `const a = await import('${target}');`,
        `import '${target}';`,
      ])
        assert.equal(forbidden(path, code).length, 1, code);
    });

  for (const [path, target] of [
    ['src/config/a.ts', '../drivers/s3/config.ts'],
    ['src/config/a.ts', '../drivers/sections.ts'],
    ['src/drivers/sections.ts', './s3/config.ts'],
    ['src/drivers/registry.ts', './s3/driver.ts'],
    ['src/drivers/db/driver.ts', '../../database/database.ts'],
    ['src/drivers/s3/driver.ts', '../contract.ts'],
    ['src/migration/a.ts', '../drivers/contract.ts'],
    ['src/stores/a.ts', '../drivers/registry.ts'],
    ['src/manager/a.ts', '../drivers/registry.ts'],
    ['src/engine/a.ts', '../stores/open-store.ts'],
    ['src/core/a.test.ts', '../../test/support/postgres.ts'],
  ] as const)
    test(`${path} may import ${target}`, () => {
      assert.deepEqual(forbidden(path, `import { a } from '${target}'; // and import '../elsewhere.ts'`), []);
    });

  test('a folder of no layer is named', () => {
    assert.deepEqual(forbidden('src/somewhere/a.ts', ''), ['src/somewhere/a.ts lies in no layer']);
  });

  test('a cycle is found once, with its way', () => {
    const cycle = [
      parseSourceFile('src/core/a.ts', `import type { B } from './b.ts';`),
      parseSourceFile('src/core/b.ts', `import { a } from './a.ts';`),
      parseSourceFile('src/core/c.ts', `import { a } from './a.ts';`),
    ];
    assert.deepEqual(findImportCycles(cycle), ['src/core/a.ts -> src/core/b.ts -> src/core/a.ts']);
  });
});
