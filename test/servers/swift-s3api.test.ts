import { runConformance } from '../../src/drivers/conformance/suite.ts';
import { s3Cases } from './s3-cases.ts';
import { s3FaultCases } from './s3-faults.ts';
import { subjectOn } from './s3-subject.ts';

runConformance(subjectOn('swift', {}, { prefix: 'a prefix/' }));

s3Cases('swift', 'us-east-1', {
  conditionalPut: false,
  checksums: ['none'],
  objectLock: false,
  controlCharacters: true,
  documents: 60,
});

s3FaultCases('swift');
