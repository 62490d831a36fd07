import assert from 'node:assert/strict';
import test from 'node:test';
import { azureSection } from './config.ts';

const parse = (options: Record<string, string | boolean>): unknown => {
  const result = azureSection.schema.safeParse({ container: 'c', ...options });
  return result.success
    ? result.data
    : result.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`).join('; ');
};

const KEY = 'YWJjZA==';

test('an account and its key are enough', () => {
  assert.deepEqual(parse({ account: 'mine', account_key: KEY }), {
    url: 'https://mine.blob.core.windows.net',
    container: 'c',
    createContainer: false,
    prefix: '',
    credentials: { kind: 'account-key', account: 'mine', key: KEY },
  });
});

test('so are a URL and a signature, with or without its question mark', () => {
  for (const token of ['sv=1&sig=x', '?sv=1&sig=x']) {
    assert.deepEqual(
      parse({ url: 'http://127.0.0.1:10000/mine/', sas_token: token, create_container: 'yes', prefix: 'p/' }),
      {
        url: 'http://127.0.0.1:10000/mine',
        container: 'c',
        createContainer: true,
        prefix: 'p/',
        credentials: { kind: 'sas', token: 'sv=1&sig=x' },
      },
    );
  }
});

test('what is missing or wrong is named', () => {
  for (const [options, issues] of [
    [{ container: '', account: 'a', account_key: KEY }, 'container: the name of a container'],
    [{ account: 'a' }, 'account_key: account and account_key, or sas_token'],
    [{ url: 'https://a.example', account_key: KEY }, 'account: the account of account_key'],
    [{ account: 'a', account_key: 'not base64!' }, 'account_key: an access key, which is base64'],
    [{ sas_token: 'x' }, 'url: account or url'],
    [{ url: 'a.example', sas_token: 'x' }, 'url: an http:// or https:// URL without a query'],
    [{ url: 'https://a.example?sig=x', sas_token: 'x' }, 'url: an http:// or https:// URL without a query'],
  ] as const)
    assert.equal(parse(options), issues);
});
