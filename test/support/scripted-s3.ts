import { openS3Driver, type S3Surroundings } from '../../src/drivers/s3/driver.ts';
import type { S3Options } from '../../src/drivers/s3/config.ts';
import type { Driver } from '../../src/drivers/contract.ts';
import { s3Options } from './s3-options.ts';
import { type Script, type ScriptedServer, startScriptedServer } from './scripted-http.ts';

/** An S3 driver in front of a server that answers what it is told to. */
export const withScriptedS3 = async (
  script: Script,
  changes: Partial<S3Options>,
  use: (driver: Driver, server: ScriptedServer) => Promise<void>,
  surroundings: Partial<S3Surroundings> = {},
): Promise<void> => {
  await using server = await startScriptedServer(script);
  await using driver = await openS3Driver(s3Options({ url: server.url, ...changes }), {
    environment: {},
    ...surroundings,
  });
  await use(driver, server);
};

/** An error as S3 writes it. */
export const errorXml = (code: string, more = ''): string =>
  `<Error><Code>${code}</Code><Message>no</Message>${more}</Error>`;
