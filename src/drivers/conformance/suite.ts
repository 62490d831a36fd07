import { after, before, describe } from 'node:test';
import type { Driver } from '../contract.ts';
import { bulkCases } from './bulk.ts';
import { copyingCases } from './copying.ts';
import { deletingCases } from './deleting.ts';
import { interruptingCases } from './interrupting.ts';
import { keyCases } from './keys.ts';
import { listingCases } from './listing.ts';
import { readingAndWritingCases } from './reading-and-writing.ts';
import type { ConformanceSubject, OpenedStore } from './subject.ts';

/**
 * Registers the tests that every driver passes, under `conformance: NAME`. Call it once for each store that a driver is
 * to be accepted on. All cases share one store and give each document a key of its own.
 */
export const runConformance = (subject: ConformanceSubject): void => {
  describe(`conformance: ${subject.name}`, () => {
    let store: OpenedStore | undefined;
    const driver = (): Driver => {
      if (store === undefined) throw new Error('the store of the suite is not open');
      return store.driver;
    };

    before(async () => {
      store = await subject.open();
      await store.driver.prepare();
    });

    after(async () => {
      await store?.driver[Symbol.asyncDispose]();
      await store?.remove?.();
    });

    const open = { driver, quirks: subject.quirks };
    readingAndWritingCases(open);
    deletingCases(open);
    copyingCases(open);
    keyCases(open);
    bulkCases(open);
    listingCases(open);
    interruptingCases(open);
  });
};
