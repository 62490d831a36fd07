import { runConformance } from '../../src/drivers/conformance/suite.ts';
import type { Quirks } from '../../src/drivers/conformance/subject.ts';
import { subjectOn } from './s3-subject.ts';

const quirks: Quirks = {};

runConformance(subjectOn('swift', quirks, { prefix: 'a prefix/' }));
