import { buildApp } from 'fauxqs';

/**
 * An S3 server inside the test process. It checks neither signatures nor checksums, and takes bodies up to 11 MiB: it
 * shows that the common road works, never that a client is right. Data lies in memory.
 */
export interface S3Server extends AsyncDisposable {
  /** `http://127.0.0.1:<port>`; requests use path style. Any access key and secret key do. */
  readonly url: string;
  createBucket(name: string): Promise<void>;
  /** The keys of all objects of a bucket, sorted. */
  listKeys(bucket: string): Promise<string[]>;
}

const request = async (url: string, method: string): Promise<string> => {
  const answer = await fetch(url, { method, headers: { connection: 'close' } });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${method} ${url}: ${answer.status} ${text}`);
  return text;
};

const unescapeXml = (text: string): string =>
  text
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&quot;', '"')
    .replaceAll('&apos;', "'")
    .replaceAll('&#39;', "'")
    .replaceAll('&amp;', '&');

const readTags = (xml: string, tag: string): string[] =>
  [...xml.matchAll(new RegExp(`<${tag}>([^<]*)</${tag}>`, 'g'))].map((match) => unescapeXml(match[1] ?? ''));

/** Started on a free port of 127.0.0.1; ends when disposed of, or with the process. */
export const startFauxqs = async (): Promise<S3Server> => {
  const app = buildApp({ logger: false, host: '127.0.0.1' });
  const url = await app.listen({ host: '127.0.0.1', port: 0 });
  return {
    url,
    createBucket: async (name) => {
      await request(`${url}/${encodeURIComponent(name)}`, 'PUT');
    },
    listKeys: async (bucket) => {
      const keys: string[] = [];
      for (let token: string | undefined = ''; token !== undefined;) {
        const more: string = token === '' ? '' : `&continuation-token=${encodeURIComponent(token)}`;
        const page = await request(`${url}/${encodeURIComponent(bucket)}?list-type=2${more}`, 'GET');
        keys.push(...readTags(page, 'Key'));
        token = readTags(page, 'NextContinuationToken')[0];
      }
      return keys.toSorted();
    },
    [Symbol.asyncDispose]: async () => {
      app.server.closeAllConnections();
      await app.close();
    },
  };
};
