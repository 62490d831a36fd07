import { checkCauses } from './check-causes.ts';

/** What is wrong with a configuration for S3, on a server that looks at signatures. */
export const s3Causes = (server: string): void =>
  checkCauses({
    server,
    driver: 's3',
    right: (credentials) => ({
      url: credentials['s3Url'] ?? '',
      bucket: 'check-causes',
      create_bucket: true,
      access_key: credentials['s3AccessKey'] ?? '',
      secret_key: credentials['s3SecretKey'] ?? '',
    }),
    harmless: { 'another region than its own: the server says which it is': { region: 'nowhere-9' } },
    causes: [
      {
        name: 'an access key that nobody has',
        wrong: () => ({ access_key: 'NOSUCHKEY0000' }),
        code: 'store.credentials',
        error: /s3:\/\/check-causes .*with access key NOSUCHKEY0000: /,
        remedy: /^The store does not know this access key: correct access_key\.$/,
      },
      {
        name: 'a secret that is not that of the key',
        wrong: () => ({ secret_key: 'hidden-not-the-secret' }),
        code: 'store.credentials',
        error: /s3:\/\/check-causes .*with access key /,
        remedy: /^The store knows the access key, and the secret is not its own: correct secret_key\.$/,
      },
      {
        name: 'a bucket that is not there',
        wrong: () => ({ bucket: 'check-causes-absent', create_bucket: false }),
        code: 'store.container-missing',
        error: /^the bucket "check-causes-absent" does not exist, and create_bucket is not set\.$/,
        remedy: /^Correct bucket, create it, or set create_bucket: true\.$/,
      },
      {
        name: 'https where the server speaks http',
        wrong: ({ s3Url = '' }) => ({ url: s3Url.replace('http:', 'https:') }),
        code: 'store.tls',
        error: /the answer is not TLS/,
        remedy: /write http:\/\/ in the URL/,
      },
    ],
  });
