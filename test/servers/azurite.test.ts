import { runConformance } from '../../src/drivers/conformance/suite.ts';
import { subjectOn } from './azurite-subject.ts';

runConformance(subjectOn({ prefix: 'a prefix/' }));
