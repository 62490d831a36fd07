import { runConformance } from '../../src/drivers/conformance/suite.ts';
import type { Quirks } from '../../src/drivers/conformance/subject.ts';
import { s3Cases } from './s3-cases.ts';
import { s3FaultCases } from './s3-faults.ts';
import { subjectOn } from './s3-subject.ts';

/** Its objects are files: a key ends where a file name ends, and no name is both a file's and a folder's. */
const quirks: Quirks = {
  refusedKeys: { 'slash at the end': 'store.failed', 'only dots': 'store.failed' },
  equalKeys: [['two slashes', 'slash at the start']],
  maxArchiveIdLength: 255,
};

runConformance(subjectOn('versitygw', quirks, { prefix: 'a prefix/' }));

s3Cases('versitygw', 'eu-west-7', {
  conditionalPut: true,
  checksums: ['none', 'crc32c', 'crc64nvme', 'sha256'],
  objectLock: true,
  controlCharacters: false,
  documents: 1050,
});

s3FaultCases('versitygw');
