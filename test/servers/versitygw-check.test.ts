import { s3Causes } from './s3-causes.ts';

s3Causes('versitygw');
