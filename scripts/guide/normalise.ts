import type { Place } from './place.ts';

const escape = (text: string): string => text.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`);

/** What differs from run to run, and from machine to machine, by something that never does. */
export const createNormaliser = (place: Place): ((text: string) => string) => {
  const { postgres, s3, ports, shell } = place;
  const rules: readonly (readonly [RegExp, string])[] = [
    [new RegExp(`127\\.0\\.0\\.1:${postgres.port}\\b`, 'g'), 'postgres-dev:5432'],
    [new RegExp(escape(s3.url), 'g'), 'http://minio-ephemeral-test:9000'],
    [new RegExp(`\\b127\\.0\\.0\\.1:${ports.api}\\b`, 'g'), 'localhost:8228'],
    [new RegExp(`\\b127\\.0\\.0\\.1:${ports.catalog}\\b`, 'g'), 'localhost:8082'],
    [new RegExp(`(?:/private)?${escape(shell.folder)}`, 'g'), '/anchore'],
    [/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}/g, '2026-01-02T03:04:05.678901'],
    [/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ/g, '2026-01-02T03:04:05Z'],
    [/\d{4}-\d\d-\d\d \d\d:\d\d:\d\d/g, '2026-01-02 03:04:05'],
    [/("executor_id": ")[^"]*/g, '$1anchore:37:0:'],
    [/(time: +).* of work/g, '$10.5 s of work'],
    [/(moved: +\d+ documents?, )[\d.]+ \w+/g, '$1100.0 KiB'],
    [/\b\d+(?:\.\d+)? documents\/s/g, '100 documents/s'],
    [/\b\d+(?:\.\d+)? (?:bytes|[KMG]iB)\/s/g, '1.0 MiB/s'],
    [/\b\d+(?:\.\d+)? (ms|s|seconds)\b/g, '0.1 $1'],
  ];
  return (text) => rules.reduce((changed, [pattern, by]) => changed.replace(pattern, by), text);
};
