import { runConformance } from '../conformance/suite.ts';
import { MemorySpaces, openMemoryDriver } from './driver.ts';

runConformance({
  name: 'memory',
  open: async () => ({ driver: openMemoryDriver({ space: 'conformance' }, new MemorySpaces()) }),
  quirks: {},
});
