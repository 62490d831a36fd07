import { Pool } from 'undici';
import type { S3Place } from '../stores.ts';
import { createRequestSigner, encodePath } from './sign-request.ts';

/** Where bare requests go. */
export type ObjectTarget =
  | { readonly kind: 's3'; readonly place: S3Place }
  | { readonly kind: 'swift'; readonly storageUrl: string; readonly token: string; readonly container: string };

/** Requests without anything around them: no retry, no proof, no metadata. */
export interface BareClient {
  makeContainer(): Promise<void>;
  put(key: string, body: Uint8Array): Promise<void>;
  get(key: string): Promise<number>;
  /** Server-side, from another container of the same account. */
  copy(container: string, key: string): Promise<void>;
  close(): Promise<void>;
}

export const openBareClient = (target: ObjectTarget, connections: number): BareClient => {
  const base = new URL(target.kind === 's3' ? target.place.url : target.storageUrl);
  const pool = new Pool(base.origin, { connections, pipelining: 1 });
  const container = target.kind === 's3' ? target.place.bucket : target.container;
  const root = target.kind === 's3' ? '' : base.pathname;
  const sign =
    target.kind === 's3'
      ? createRequestSigner(target.place)
      : (_method: string, _path: string, headers: Readonly<Record<string, string>> = {}) => ({
          ...headers,
          'x-auth-token': target.token,
        });
  const send = async (
    method: 'PUT' | 'GET',
    path: string,
    options: { readonly body?: Uint8Array; readonly headers?: Readonly<Record<string, string>> } = {},
  ): Promise<number> => {
    const answer = await pool.request({
      method,
      path,
      headers: sign(method, path, options.headers),
      body: options.body ?? null,
    });
    let bytes = 0;
    for await (const chunk of answer.body) bytes += (chunk as Uint8Array).length;
    if (answer.statusCode >= 300) throw new Error(`${method} ${path}: ${answer.statusCode}`);
    return bytes;
  };
  const pathOf = (key: string): string => `${root}/${container}/${encodePath(key)}`;
  const copyHeader = target.kind === 's3' ? 'x-amz-copy-source' : 'x-copy-from';
  return {
    makeContainer: async () => void (await send('PUT', `${root}/${container}`)),
    put: async (key, body) => void (await send('PUT', pathOf(key), { body })),
    get: (key) => send('GET', pathOf(key)),
    copy: async (from, key) =>
      void (await send('PUT', pathOf(key), { headers: { [copyHeader]: `/${from}/${encodePath(key)}` } })),
    close: () => pool.close(),
  };
};
