import { pairCases } from './driver-pairs.ts';

pairCases(true);
