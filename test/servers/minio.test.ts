import { runConformance } from '../../src/drivers/conformance/suite.ts';
import type { Quirks } from '../../src/drivers/conformance/subject.ts';
import { s3Cases } from './s3-cases.ts';
import { s3FaultCases } from './s3-faults.ts';
import { subjectOn } from './s3-subject.ts';

/** It refuses keys that a path of files could not have. */
const quirks: Quirks = {
  refusedKeys: {
    'two slashes': 'store.invalid-url',
    'slash at the start': 'store.invalid-url',
    'dots': 'store.invalid-url',
    'only dots': 'store.invalid-url',
  },
  unsafeBucket: 'store.invalid-url',
  heldBuckets: ['a/b'],
  maxArchiveIdLength: 255,
};

runConformance(subjectOn('minio', quirks, { prefix: 'a prefix/' }));

s3Cases('minio', 'us-east-1', {
  conditionalPut: true,
  checksums: ['none', 'crc32c', 'crc64nvme', 'sha256'],
  objectLock: true,
  controlCharacters: true,
  documents: 1050,
});

s3FaultCases('minio');
