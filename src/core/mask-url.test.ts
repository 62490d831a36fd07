import assert from 'node:assert/strict';
import test from 'node:test';
import { maskPassword, maskUrls, passwordOf } from './mask-url.ts';

const cases: readonly (readonly [connection: string, masked: string, password: string | undefined])[] = [
  ['postgresql+pg8000://u:secret@h:5432/d', 'postgresql+pg8000://u:****@h:5432/d', 'secret'],
  ['postgresql://u:se@cr/et@h/d', 'postgresql://u:****@h/d', 'se@cr/et'],
  ['postgresql://:secret@h/d', 'postgresql://:****@h/d', 'secret'],
  ['postgresql://h/d?user=u&password=secret&x=1', 'postgresql://h/d?user=u&password=****&x=1', 'secret'],
  ['host=h password=secret dbname=d', 'host=h password=**** dbname=d', 'secret'],
  ["host=h password='sec ret' dbname=d", "host=h password='****' dbname=d", 'sec ret'],
  ['http://me:secret@host:9000/path@x', 'http://me:****@host:9000/path@x', 'secret'],
  ['http://host:9000/path@x', 'http://host:9000/path@x', undefined],
  ['postgresql://u@h/d', 'postgresql://u@h/d', undefined],
  ['/a/path', '/a/path', undefined],
];

test('passwords of connection strings', () => {
  for (const [connection, masked, password] of cases) {
    assert.equal(maskPassword(connection), masked);
    assert.equal(passwordOf(connection), password, connection);
  }
});

test('URLs inside a text', () => {
  assert.equal(
    maskUrls("unknown option '--db=postgresql://u:secret@h/d', http://a:b@c and http://host:80/ x@y"),
    "unknown option '--db=postgresql://u:****@h/d', http://a:****@c and http://host:80/ x@y",
  );
});
