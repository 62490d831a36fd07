import { randomBytes } from 'node:crypto';
import { getRunning } from '../../scripts/servers/running.ts';
import type { AzureOptions } from '../../src/drivers/azure/config.ts';
import { openAzureDriver } from '../../src/drivers/azure/driver.ts';
import type { ConformanceSubject, Quirks } from '../../src/drivers/conformance/subject.ts';

/** Azure changes or refuses these names, and takes the steps of a path. */
const QUIRKS: Quirks = {
  refusedKeys: {
    'slash at the end': 'store.invalid-url',
    'dots': 'store.invalid-url',
    'only dots': 'store.invalid-url',
    'quotes': 'store.invalid-url',
    'control characters': 'store.invalid-url',
  },
  unsafeBucket: 'store.invalid-url',
  heldBuckets: ['a/b'],
  // More than goes in one request.
  largeBytes: 12 * 1024 * 1024,
};

/** Options for a container of its own on the Azurite that runs. */
export const azureOptions = async (changes: Partial<AzureOptions> = {}): Promise<AzureOptions> => {
  const { url = '', account = '', key = '' } = (await getRunning('azurite')).credentials;
  return {
    url,
    container: `test-${randomBytes(8).toString('hex')}`,
    createContainer: true,
    prefix: '',
    credentials: { kind: 'account-key', account, key },
    ...changes,
  };
};

/** The suite's subject; the container stays until the server is stopped, with all its data. */
export const subjectOn = (changes: Partial<AzureOptions> = {}): ConformanceSubject => ({
  name: `azure on azurite, ${JSON.stringify(changes)}`,
  quirks: QUIRKS,
  open: async () => ({ driver: openAzureDriver(await azureOptions(changes)) }),
});
