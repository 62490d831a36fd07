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
  const rendered = renderPlainTable(HEADER, [row], 'centre')
    .split('\n')
    .map((line) => line.trimEnd());
  assert.deepEqual(rendered, guide);
});

test('without rows, the titles alone', () => {
  assert.equal(renderPlainTable(['id', 'state'], [], 'centre'), 'id        state        ');
});

test("the table of anchore-cli in the operator's guide, to the space", () => {
  const header = ['Policy ID', 'Active', 'Created', 'Updated'];
  const row = ['2c53a13c-1765-11e8-82ef-23527761d060', 'True', '2018-08-15T17:16:33Z', '2018-08-15T18:11:01Z'];
  assert.equal(
    renderPlainTable(header, [row], 'left'),
    [
      'Policy ID                                   Active        Created                     Updated                     ',
      '2c53a13c-1765-11e8-82ef-23527761d060        True          2018-08-15T17:16:33Z        2018-08-15T18:11:01Z        ',
    ].join('\n'),
  );
});
