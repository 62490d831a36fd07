import { getRawAsset, isSea } from 'node:sea';
import type { PGliteOptions } from '@electric-sql/pglite';

type Assets = Pick<PGliteOptions, 'pgliteWasmModule' | 'initdbWasmModule' | 'fsBundle'>;

/** Node has it; its types come with a browser's library only. */
declare const WebAssembly: { compile(bytes: Uint8Array): Promise<NonNullable<Assets['pgliteWasmModule']>> };

/** The names that the files of PGlite have in the standalone executable. */
export const EMBEDDED_ASSETS = ['pglite.wasm', 'initdb.wasm', 'pglite.data'] as const;

type AssetName = (typeof EMBEDDED_ASSETS)[number];

/** The files that PGlite needs: beside its sources it finds them by itself; the standalone executable carries them. */
export const readEmbeddedAssets = async (): Promise<Assets> => {
  if (!isSea()) return {};
  const read = (name: AssetName): Uint8Array<ArrayBuffer> => new Uint8Array(getRawAsset(name));
  const [pgliteWasmModule, initdbWasmModule] = await Promise.all([
    WebAssembly.compile(read('pglite.wasm')),
    WebAssembly.compile(read('initdb.wasm')),
  ]);
  return { pgliteWasmModule, initdbWasmModule, fsBundle: new Blob([read('pglite.data')]) };
};
