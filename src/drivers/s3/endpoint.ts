import { encodeKey } from './signing.ts';
import type { S3Options } from './config.ts';

/** Where a request for a bucket goes. */
export interface Target {
  /** Scheme, host and port, for the connection. */
  readonly origin: string;
  /** The `Host` header, which is signed. */
  readonly host: string;
  /** Percent-encoded. */
  readonly path: string;
}

export interface Endpoint {
  /** Whether it is Amazon's, where the region is part of the host. */
  readonly amazon: boolean;
  /** Equal for equal endpoints, whatever way they are written: lower case, port named, no slash at the end. */
  readonly identity: string;
  /** For a person. */
  readonly description: string;
  target(region: string, bucket: string, key: string | undefined): Target;
}

/** A region becomes part of a host name, so an answer must not be able to put anything else there. */
export const isRegionName = (text: string): boolean => /^[a-z0-9-]{1,40}$/.test(text);

const domainOf = (region: string): string =>
  region.startsWith('cn-') ? 'amazonaws.com.cn' : region.startsWith('eusc-') ? 'amazonaws.eu' : 'amazonaws.com';

/** Buckets are unique within a partition of Amazon's, whatever the region. */
const partitionOf = (domain: string): string => `https://s3.${domain}:443`;

const AMAZON_HOST = /^s3[.-](?:[a-z0-9.-]+\.)?(amazonaws\.(?:com\.cn|com|eu))$/;

const place = (base: URL, host: string, bucket: string, key: string | undefined, style: 'path' | 'virtual'): Target => {
  const folder = base.pathname.replace(/\/+$/, '');
  const hostname = style === 'virtual' ? `${bucket}.${host}` : host;
  const inBucket = key === undefined ? '' : encodeKey(key);
  const path =
    style === 'virtual'
      ? `${folder}/${inBucket}`
      : `${folder}/${encodeKey(bucket)}${key === undefined ? '' : `/${inBucket}`}`;
  return { origin: `${base.protocol}//${hostname}`, host: hostname, path };
};

export const openEndpoint = (options: Pick<S3Options, 'url' | 'addressingStyle' | 'region'>): Endpoint => {
  const { url, addressingStyle } = options;
  if (url === undefined) {
    const domain = domainOf(options.region ?? '');
    return {
      amazon: true,
      identity: partitionOf(domain),
      description: `s3.${domain}`,
      target: (region, bucket, key) => {
        const base = new URL(`https://s3.${region}.${domainOf(region)}`);
        return place(base, base.host, bucket, key, addressingStyle);
      },
    };
  }
  const base = new URL(url);
  const port = base.port || (base.protocol === 'https:' ? '443' : '80');
  const amazon = AMAZON_HOST.exec(base.hostname)?.[1];
  const folder = base.pathname.replace(/\/+$/, '');
  const shown = `${base.protocol}//${base.host}${folder}`;
  return {
    amazon: false,
    identity: amazon === undefined ? `${base.protocol}//${base.hostname}:${port}${folder}` : partitionOf(amazon),
    description: shown,
    target: (_region, bucket, key) => place(base, base.host, bucket, key, addressingStyle),
  };
};
