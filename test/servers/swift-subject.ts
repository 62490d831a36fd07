import { randomBytes } from 'node:crypto';
import { getRunning } from '../../scripts/servers/running.ts';
import type { ConformanceSubject, Quirks } from '../../src/drivers/conformance/subject.ts';
import type { Driver } from '../../src/drivers/contract.ts';
import { SwiftClient } from '../../src/drivers/swift/client.ts';
import type { SwiftOptions } from '../../src/drivers/swift/config.ts';
import { openSwiftDriver } from '../../src/drivers/swift/driver.ts';
import { openTransport } from '../../src/drivers/http/transport.ts';

/** Swift looks before it deletes, and has nothing better. */
const SWIFT_QUIRKS: Quirks = { deleteNotAtomic: true };

/** Options for a container of its own, with capitals in its name, on the Swift that runs. */
export const swiftOptions = async (changes: Partial<SwiftOptions> = {}): Promise<SwiftOptions> => {
  const { credentials } = await getRunning('swift');
  const { authUrl: url = '', user = '', key = '' } = credentials;
  return {
    container: `Test-${randomBytes(8).toString('hex')}`,
    createContainer: true,
    keyPrefix: '',
    auth: { version: 1, url, user, key },
    storageUrl: undefined,
    region: undefined,
    endpointType: 'public',
    serviceType: 'object-store',
    insecure: false,
    caFile: undefined,
    clientCertificateFile: undefined,
    clientKeyFile: undefined,
    segmentSizeBytes: undefined,
    segmentContainer: undefined,
    ...changes,
  };
};

const openOn = async (changes: Partial<SwiftOptions> = {}): Promise<Driver> =>
  openSwiftDriver(await swiftOptions(changes), { environment: {} });

/** Speaks to the account directly, to arrange what a driver would not do and to see what it has left. */
export const openClient = async (options: SwiftOptions): Promise<SwiftClient & AsyncDisposable> => {
  const transport = await openTransport({ verify: true, environment: {} });
  const { auth, storageUrl, region, endpointType, serviceType } = options;
  const client = new SwiftClient({ transport, auth, storageUrl, endpoint: { region, endpointType, serviceType } });
  return Object.assign(client, { [Symbol.asyncDispose]: () => transport.destroy() });
};

/** The suite's subject; the container stays until the server is stopped, with all its data. */
export const subjectOn = (changes: Partial<SwiftOptions> = {}): ConformanceSubject => ({
  name: `swift, ${JSON.stringify(changes)}`,
  quirks: SWIFT_QUIRKS,
  open: async () => ({ driver: await openOn(changes) }),
});
