import { readFileSync } from 'node:fs';
import { getAsset, isSea } from 'node:sea';

/** The version in package.json, which lies two folders above the sources as above what is compiled from them. */
export const readPackageVersion = (): string => {
  const text = isSea()
    ? getAsset('package.json', 'utf8')
    : readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  const manifest: unknown = JSON.parse(text);
  return typeof manifest === 'object' && manifest !== null && 'version' in manifest
    ? String(manifest.version)
    : 'unknown';
};
