import { runConformance } from '../../src/drivers/conformance/suite.ts';
import { subjectOn } from './swift-subject.ts';

runConformance(subjectOn({ keyPrefix: 'a prefix/' }));
// Small enough that the suite's larger documents become static large objects.
runConformance(subjectOn({ segmentSizeBytes: 64 * 1024 }));
