import { s3MigrationCases } from './s3-migration.ts';

s3MigrationCases('minio');
