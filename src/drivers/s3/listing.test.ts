import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { s3Options } from '../../../test/support/s3-options.ts';
import { startScriptedServer, type Script } from '../../../test/support/scripted-http.ts';
import { openS3Driver } from './driver.ts';

const page = (keys: readonly string[], more: string): string =>
  `<?xml version="1.0" encoding="UTF-8"?>
<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>archive</Name>${more}
${keys.map((key) => `<Contents><Key>${key}</Key><Size>5</Size></Contents>`).join('\n')}
</ListBucketResult>`;

const LAST = '<IsTruncated>false</IsTruncated>';
const next = (token: string): string =>
  `<IsTruncated>true</IsTruncated><NextContinuationToken>${token}</NextContinuationToken>`;
const ENCODED = '<EncodingType>url</EncodingType>';

const listFrom = async (script: Script, prefix = ''): Promise<string[]> => {
  await using server = await startScriptedServer(script);
  await using driver = await openS3Driver(s3Options({ url: server.url, prefix }), { environment: {} });
  return (await Array.fromAsync(driver.list())).map(({ url }) => url);
};

/** One page after the other; the last one for ever. */
const pages = (...bodies: readonly string[]): Script => {
  let index = -1;
  return () => {
    index = Math.min(index + 1, bodies.length - 1);
    return { status: 200, body: bodies[index] ?? '' };
  };
};

describe('listing', () => {
  test('every page is followed by its token, an empty one too', async () => {
    const tokens: (string | null)[] = [];
    const script: Script = ({ target }) => {
      const token = new URLSearchParams(target.split('?')[1]).get('continuation-token');
      tokens.push(token);
      if (token === null) return { status: 200, body: page(['a'], next('t+1 /=')) };
      return { status: 200, body: token === 't+1 /=' ? page([], next('t2')) : page(['b'], LAST) };
    };
    assert.deepEqual(await listFrom(script), ['s3://archive/a', 's3://archive/b']);
    assert.deepEqual(tokens, [null, 't+1 /=', 't2']);
  });

  test('keys are decoded where the store says that it encoded them, and only there', async () => {
    const keys = ['a+b', 'a%2Bb', 'a%20b', '%C3%BC', '%23%3F'];
    assert.deepEqual(
      await listFrom(pages(page(keys, ENCODED + LAST))),
      ['a b', 'a+b', 'a b', 'ü', '#?'].map((key) => `s3://archive/${key}`),
    );
    assert.deepEqual(
      await listFrom(pages(page([...keys, '&lt;&amp;&#13;'], LAST))),
      [...keys, '<&\r'].map((key) => `s3://archive/${key}`),
    );
  });

  const wrong: Readonly<Record<string, readonly string[]>> = {
    'cut short without a token': [page(['a'], '<IsTruncated>true</IsTruncated>')],
    'cut short with an empty token': [page(['a'], next(''))],
    'silent about whether it is complete': [page(['a'], '')],
    'in a circle': [page(['a'], next('t')), page(['b'], next('t')), page(['c'], LAST)],
    'repeating itself': [page(['a'], next('t1')), page(['a'], next('t2')), page(['b'], LAST)],
    'cut off in the middle': [page(['a', 'b'], LAST).slice(0, -40)],
    'something else': ['<ListAllMyBucketsResult></ListAllMyBucketsResult>'],
    'no XML': ['{"keys": []}'],
    'empty': [''],
    'without a size': [
      page([], LAST).replace('</ListBucketResult>', '<Contents><Key>a</Key></Contents></ListBucketResult>'),
    ],
    'holding what cannot be decoded': [page(['%zz'], ENCODED + LAST)],
    'holding a key that its XML could not hold': [page(['a\ufffd'], LAST)],
    'growing by entities': [`<!DOCTYPE l [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>${page(['&b;'], LAST)}`],
    'nested without end': [`${'<a>'.repeat(100)}${'</a>'.repeat(100)}`],
  };
  for (const [name, bodies] of Object.entries(wrong)) {
    test(`a listing ${name} is refused`, async () => {
      await assert.rejects(listFrom(pages(...bodies)), { code: 'store.failed' });
    });
  }

  test('a listing of other keys than those asked for is refused', async () => {
    await assert.rejects(listFrom(pages(page(['other/a'], LAST)), 'mine/'), { code: 'store.failed' });
  });

  test('an error on the second page is an error', async () => {
    let calls = 0;
    const script: Script = () => {
      calls += 1;
      return calls === 1 ? { status: 200, body: page(['a'], next('t')) } : { status: 503 };
    };
    await assert.rejects(listFrom(script), { code: 'store.busy' });
  });
});
