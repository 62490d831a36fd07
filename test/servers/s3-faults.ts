import { openS3Driver } from '../../src/drivers/s3/driver.ts';
import { startTcpProxy } from '../support/tcp-proxy.ts';
import { networkFaultCases, type Subject } from './network-faults.ts';
import { optionsFor } from './s3-subject.ts';

const PART_BYTES = 5 * 1024 * 1024;
const TIMEOUTS = { connectMs: 2_000, headersMs: 1_000, bodyMs: 1_000 };

const open = async (server: string): Promise<Subject> => {
  const options = await optionsFor(server);
  const url = new URL(options.url ?? '');
  const proxy = await startTcpProxy(Number(url.port));
  url.port = String(proxy.port);
  const partSizes = { multipartBytes: PART_BYTES, partBytes: PART_BYTES };
  const driver = await openS3Driver({ ...options, url: url.href }, { environment: {}, timeouts: TIMEOUTS, partSizes });
  await driver.prepare();
  return { driver, proxy };
};

/** With bodies that go in one piece, and in parts. */
export const s3FaultCases = (server: string): void =>
  networkFaultCases(`s3 on ${server}`, () => open(server), [1000, 300_000, 11 * 1024 * 1024]);
