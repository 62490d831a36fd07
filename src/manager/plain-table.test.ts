import assert from 'node:assert/strict';
import test from 'node:test';
import { renderPlainTable } from './plain-table.ts';

const HEADER = [
  'id',
  'state',
  'start time',
  'end time',
  'from',
  'to',
  'migrated count',
  'total to migrate',
  'last updated',
];

test("the table of the operator's guide, to the space", () => {
  const row = [
    '1',
    'complete',
    '2018-08-15T18:03:52.949956',
    '2018-08-15T18:03:53.720554',
    'db',
    's3',
    '7',
    '7',
    '2018-08-15T18:03:53.724628',
  ];
  const guide = [
    'id         state                  start time                         end time                 from        to        migrated count        total to migrate               last updated               ',
    '1         complete        2018-08-15T18:03:52.949956        2018-08-15T18:03:53.720554         db         s3              7                      7                2018-08-15T18:03:53.724628   ',
  ].map((line) => line.trimEnd());
  const rendered = renderPlainTable(HEADER, [row])
    .split('\n')
    .map((line) => line.trimEnd());
  assert.deepEqual(rendered, guide);
});

test('without rows, the titles alone', () => {
  assert.equal(renderPlainTable(['id', 'state'], []), 'id        state        ');
});
