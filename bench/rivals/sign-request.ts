import { createHash, createHmac } from 'node:crypto';
import type { S3Place } from '../stores.ts';

/** Signs one request: its headers, without a look at the body. */
export type SignRequest = (
  method: string,
  path: string,
  headers?: Readonly<Record<string, string>>,
) => Record<string, string>;

const hmac = (key: string | Buffer, text: string): Buffer => createHmac('sha256', key).update(text).digest();

/** Everything but letters, digits and `-_.~/`. */
export const encodePath = (path: string): string =>
  encodeURIComponent(path)
    .replaceAll('%2F', '/')
    .replace(/[!'()*]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`);

/** AWS signature version 4 and nothing else: what a client cannot do without, as cheaply as it can be had. */
export const createRequestSigner = ({ url, accessKey, secretKey, region }: S3Place): SignRequest => {
  const { host } = new URL(url);
  let day = '';
  let key: Buffer = Buffer.alloc(0);
  return (method, path, headers = {}) => {
    const time = `${new Date().toISOString().replaceAll(/[-:]|\.\d+/g, '')}`;
    if (!time.startsWith(day) || day === '') {
      day = time.slice(0, 8);
      key = hmac(hmac(hmac(hmac(`AWS4${secretKey}`, day), region), 's3'), 'aws4_request');
    }
    const all: Record<string, string> = {
      host,
      'x-amz-content-sha256': 'UNSIGNED-PAYLOAD',
      'x-amz-date': time,
      ...headers,
    };
    const names = Object.keys(all).toSorted();
    const signed = names.join(';');
    const canonical = `${method}\n${path}\n\n${names.map((name) => `${name}:${all[name] ?? ''}\n`).join('')}\n${signed}\nUNSIGNED-PAYLOAD`;
    const scope = `${day}/${region}/s3/aws4_request`;
    const hash = createHash('sha256').update(canonical).digest('hex');
    const signature = hmac(key, `AWS4-HMAC-SHA256\n${time}\n${scope}\n${hash}`).toString('hex');
    all['authorization'] =
      `AWS4-HMAC-SHA256 Credential=${accessKey}/${scope}, SignedHeaders=${signed}, Signature=${signature}`;
    return all;
  };
};
