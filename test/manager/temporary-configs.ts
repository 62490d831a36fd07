import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A folder for one test file, with configuration files of drivers; removed when disposed of. */
export interface TemporaryConfigs extends AsyncDisposable {
  readonly folder: string;
  /** A file whose archive has this driver, with options as YAML flow text. */
  write(name: string, driver: string, options?: string): Promise<string>;
}

export const createConfigs = async (): Promise<TemporaryConfigs> => {
  const folder = await mkdtemp(join(tmpdir(), 'manager-test-'));
  return {
    folder,
    write: async (name, driver, options = '{}') => {
      const file = join(folder, name);
      await writeFile(
        file,
        `services:\n  catalog:\n    object_store:\n      storage_driver:\n        name: ${driver}\n        config: ${options}\n`,
      );
      return file;
    },
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  };
};
