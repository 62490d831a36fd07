import { runConformance } from '../../src/drivers/conformance/suite.ts';
import { subjectOn } from './swift-subject.ts';

runConformance(subjectOn({ keyPrefix: 'a prefix/' }));
// The suite's large documents become static large objects; of more than ten segments Swift gives only one in a second.
runConformance(subjectOn({ segmentSizeBytes: 600_000 }));
