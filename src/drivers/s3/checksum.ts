import { createHash } from 'node:crypto';
import type { S3Checksum } from './config.ts';

/** A checksum that a store can be asked to verify, beside the classic Content-MD5. */
export type AwsChecksum = Exclude<S3Checksum, 'md5' | 'none'>;

export const isAwsChecksum = (checksum: S3Checksum): checksum is AwsChecksum =>
  checksum !== 'md5' && checksum !== 'none';

/** The name of the algorithm in S3's headers and elements. */
export const ALGORITHM_NAMES = { crc32c: 'CRC32C', crc64nvme: 'CRC64NVME', sha256: 'SHA256' } as const satisfies Record<
  AwsChecksum,
  string
>;

export const md5Base64 = (bytes: Uint8Array): string => createHash('md5').update(bytes).digest('base64');

/** The header that carries a checksum, in requests and in answers. */
export const checksumHeader = (checksum: AwsChecksum): string => `x-amz-checksum-${checksum}`;

/** In base64, as S3 writes them. The CRCs are loaded when a configuration asks for them. */
export const computeChecksum = async (checksum: AwsChecksum, bytes: Uint8Array): Promise<string> => {
  if (checksum === 'sha256') return createHash('sha256').update(bytes).digest('base64');
  const { Crc32c, Crc64NvmeJs } = await import('@aws-sdk/checksums/crc');
  const crc = checksum === 'crc32c' ? new Crc32c() : new Crc64NvmeJs();
  crc.update(bytes);
  return Buffer.from(await crc.digest()).toString('base64');
};
