import type { MigrationReport } from '../../src/manager/report/migration-report.ts';
import { measureRate, summarizeRuns } from '../../src/manager/report/measured-work.ts';
import type { RunRecord, Sample } from '../../src/migration/run-store.ts';

/** Names that would break out of a page, a terminal or a line, were they not escaped. */
export const HOSTILE_NAMES: readonly string[] = [
  `admin/analysis_data/<script>document.title='owned'</script>`,
  `admin/analysis_data/"><img src=x onerror="document.title='owned'">`,
  `admin/analysis_data/'onmouseover='document.title=1'`,
  'admin/analysis_data/\u202Egpj.exe\u001B[2J\u0000',
  `admin/analysis_data/${'sha256:0873c923e00e0fd2ba78041bfb64a105e1ecb7678916d1f7776311e45bf5634b'.repeat(3)}`,
];

const run = (epoch: number, startedAt: string, elapsedSeconds: number, figures: Partial<RunRecord>): RunRecord => ({
  migrationId: 7,
  epoch,
  command: 'precopy',
  executor: 'host:1:0:',
  toolVersion: '1.2.3',
  startedAt,
  updatedAt: startedAt,
  endedAt: new Date(Date.parse(startedAt) + elapsedSeconds * 1000).toISOString(),
  end: { outcome: 'precopied', exitCode: 0, errorText: undefined },
  elapsedSeconds,
  silentSeconds: 0,
  phase: 'ended',
  hold: 'none',
  controlSeen: 0,
  planned: 0,
  plannedBytes: 0,
  doneBefore: 0,
  documents: 0,
  bytes: 0,
  toClean: 0,
  cleaned: 0,
  inFlight: 0,
  retries: 0,
  failures: 0,
  switched: 0,
  switchSeconds: undefined,
  pausedSeconds: 0,
  ...figures,
});

const RUNS: readonly RunRecord[] = [
  run(1, '2024-05-01T01:00:00.000Z', 2000, { documents: 180_000, bytes: 60e9, retries: 12 }),
  run(2, '2024-05-03T01:00:00.000Z', 400, {
    command: 'migrate',
    end: { outcome: 'store.unreachable', exitCode: 4, errorText: 'the store <s3> cannot be reached' },
    documents: 9000,
    bytes: 3e9,
    retries: 230,
  }),
  run(3, '2024-05-03T02:00:00.000Z', 300, {
    command: 'resume',
    end: { outcome: 'failed-documents', exitCode: 1, errorText: undefined },
    documents: 11_000,
    bytes: 3.4e9,
    failures: 2005,
  }),
];

/** A wavy rate, so that a plot has something to show. */
const SAMPLES: readonly Sample[] = RUNS.flatMap(({ epoch, startedAt, elapsedSeconds, documents, bytes }) =>
  Array.from({ length: Math.floor(elapsedSeconds / 10) }, (_, index) => {
    const share = Math.min(1, (index + 1 + Math.sin(index / 9) * 2) / (elapsedSeconds / 10 - 8));
    return {
      epoch,
      at: new Date(Date.parse(startedAt) + (index + 1) * 10_000).toISOString(),
      phase: 'copying',
      documents: Math.round(documents * Math.max(0, share)),
      bytes: Math.round(bytes * Math.max(0, share)),
      cleaned: 0,
      inFlight: 8,
      retries: 0,
      failures: 0,
    } as const;
  }),
);

/** A migration with everything that a report can show. */
export const SAMPLE_REPORT: MigrationReport = {
  id: 7,
  kind: 'migrate',
  rollsBack: null,
  condition: 'documents failed',
  from: { driver: 'db', store: 'the database table archive_document', config: '/config/config.yaml' },
  to: { driver: 's3', store: 's3 https://s3.example/anchore-archive/prefix', config: '/config/dest-config.yaml' },
  active: 'to',
  startedAt: '2024-05-01T01:00:00.123456Z',
  endedAt: '2024-05-03T02:05:00.123456Z',
  counts: {
    planned: 0,
    copying: 0,
    copied: 0,
    switched: 0,
    cleaning: 0,
    cleaned: 200_000,
    failed: 2005,
    skipped: 3,
    dropped: 1,
  },
  movedDocuments: 200_000,
  movedBytes: 66.4e9,
  copiedDocuments: 200_000,
  copiedBytes: 66.4e9,
  work: summarizeRuns(RUNS, SAMPLES),
  switchSeconds: 1.84,
  switchedAt: '2024-05-03T02:04:10.000Z',
  runs: RUNS.map((each) => ({
    command: each.command,
    startedAt: each.startedAt,
    endedAt: each.endedAt ?? null,
    outcome: each.end?.outcome ?? null,
    error: each.end?.errorText ?? null,
    seconds: each.elapsedSeconds,
    pausedSeconds: 0,
    documents: each.documents,
    bytes: each.bytes,
    retries: each.retries,
    failures: each.failures,
    toolVersion: each.toolVersion,
  })),
  rate: measureRate(RUNS, SAMPLES),
  failures: [
    {
      code: 'document.wrong-size',
      count: 2000,
      meaning: 'The bytes at the source are longer or shorter than the row says.',
      remedy: 'Restore it at the source, or leave it with --skip-failed.',
      examples: HOSTILE_NAMES.map((document) => ({ document, text: `${document} has 3 bytes, its row says 12` })),
    },
    {
      code: 'store.not-found',
      count: 5,
      meaning: 'The store says that the object does not exist.',
      remedy: 'Restore it.',
      examples: [{ document: 'admin/policy_bundles/2c53a13c', text: 'not there' }],
    },
  ],
  skipped: [{ code: 'skipped.no-url', count: 3, meaning: 'The row has no content URL.', remedy: null, examples: [] }],
  leftToDo: [
    {
      text: 'Put /config/dest-config.yaml in the place of /config/config.yaml, for every component that uses it; then start the services.',
      command: null,
    },
    {
      text: 'Make a new backup of the database: those from before the switch no longer match the stores.',
      command: null,
    },
    {
      text: 'Correct why documents failed, then copy them once more',
      command: 'anchore-manager archivestorage --db-connect "${db}" retry 7',
    },
  ],
  toolVersion: '1.2.3',
  writtenAt: '2024-05-03T02:06:00.000Z',
};
