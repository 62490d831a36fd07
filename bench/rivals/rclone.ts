import { describeGoProgram } from '../../scripts/servers/go-program.ts';
import { measureProcess } from '../measure-process.ts';
import type { Sample } from '../result.ts';
import type { S3Place } from '../stores.ts';

export const RCLONE_VERSION = 'v1.76.0';

const program = describeGoProgram({
  name: 'rclone',
  package: 'github.com/rclone/rclone',
  version: RCLONE_VERSION,
});

export const isRcloneAvailable = (): Promise<boolean> => program.available();

export interface RcloneCopy {
  /** A folder with the documents as files. */
  readonly from: string;
  readonly to: { readonly kind: 'folder'; readonly path: string } | { readonly kind: 's3'; readonly place: S3Place };
  readonly documents: number;
  readonly bytes: number;
  readonly transfers: number;
  readonly signal: AbortSignal;
  readonly settle: () => Promise<void>;
}

/** In the environment, so that no configuration of this machine's user is read or written. */
const environmentOf = (to: RcloneCopy['to']): Record<string, string> => ({
  RCLONE_CONFIG: '/dev/null',
  ...(to.kind === 's3' && {
    RCLONE_CONFIG_BENCH_TYPE: 's3',
    RCLONE_CONFIG_BENCH_PROVIDER: 'Other',
    RCLONE_CONFIG_BENCH_ENDPOINT: to.place.url,
    RCLONE_CONFIG_BENCH_ACCESS_KEY_ID: to.place.accessKey,
    RCLONE_CONFIG_BENCH_SECRET_ACCESS_KEY: to.place.secretKey,
    RCLONE_CONFIG_BENCH_REGION: to.place.region,
    RCLONE_CONFIG_BENCH_FORCE_PATH_STYLE: 'true',
  }),
});

/** `rclone copy` as one would use it, from its start to its end. */
export const runRclone = async (copy: RcloneCopy): Promise<Sample> => {
  const { from, to, documents, bytes, transfers } = copy;
  const target = to.kind === 's3' ? `bench:${to.place.bucket}` : to.path;
  const args = ['copy', from, target, '--transfers', String(transfers), '--checkers', String(transfers)];
  const command = await program.build();
  await copy.settle();
  const cost = await measureProcess(command, args, {
    environment: environmentOf(to),
    signal: copy.signal,
  });
  const { wallSeconds, cpuSeconds, peakMemoryBytes } = cost;
  return { wallSeconds, documents, bytes, cpuSeconds, peakMemoryBytes };
};
