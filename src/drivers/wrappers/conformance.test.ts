import { runConformance } from '../conformance/suite.ts';
import type { Driver } from '../contract.ts';
import { MemorySpaces, openMemoryDriver } from '../memory/driver.ts';
import { faultsFromSeed } from './faults.ts';
import { injectFaults } from './inject-faults.ts';
import { Limits } from './limits.ts';
import { measureDriver } from './measure.ts';
import { recordDeletes } from './record-deletes.ts';
import { makeReliable } from './standard.ts';
import { throttle } from './throttle.ts';

/** A wrapped driver is a driver: all of them together. */
const wrapAll = (driver: Driver): Driver =>
  makeReliable(measureDriver(recordDeletes(driver, {})), { retry: { baseDelayMs: 1, maxDelayMs: 2, totalMs: 200 } });

const open = (): Driver => openMemoryDriver({ space: 'conformance' }, new MemorySpaces());

runConformance({ name: 'memory, wrapped', open: async () => ({ driver: wrapAll(open()) }), quirks: {} });

runConformance({
  name: 'memory, held to a bandwidth',
  open: async () => ({ driver: throttle(open(), new Limits({ bandwidthBytesPerSecond: 1_000_000_000 })) }),
  quirks: {},
});

runConformance({
  name: 'memory that often fails before it does anything, wrapped',
  open: async () => {
    const fault = { kind: 'error', when: 'before', code: 'store.busy' } as const;
    return { driver: wrapAll(injectFaults(open(), faultsFromSeed(7, [{ rate: 0.2, fault }]))) };
  },
  quirks: {},
});
