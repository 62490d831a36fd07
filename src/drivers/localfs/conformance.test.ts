import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runConformance } from '../conformance/suite.ts';
import { openLocalfsDriver } from './driver.ts';

runConformance({
  name: 'localfs',
  open: async () => {
    const folder = await mkdtemp(join(tmpdir(), 'test-localfs-'));
    const archiveDataDir = join(folder, 'archive');
    const driver = await openLocalfsDriver({
      archiveDataDir,
      owner: undefined,
      fileMode: undefined,
      folderMode: undefined,
    });
    return { driver, remove: () => rm(folder, { recursive: true, force: true }) };
  },
  quirks: { unsafeBucket: 'store.unsafe-path' },
});
