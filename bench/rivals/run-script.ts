import { randomBytes } from 'node:crypto';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { measureProcess, type ProcessCost } from '../measure-process.ts';
import type { Sample } from '../result.ts';
import type { DocumentLoopJob, DocumentLoopReport } from './document-loop-job.ts';
import type { ObjectLoopJob, ObjectLoopReport } from './object-loop-job.ts';
import type { OriginalOrderJob, OriginalOrderReport } from './original-order-job.ts';

/** Where scripts leave what they are told, and what stops them. */
export interface ScriptPlace {
  readonly folder: string;
  readonly signal: AbortSignal;
  readonly settle: () => Promise<void>;
}

/** Runs a script of this folder as a process of its own: the job is a file, the report its standard output. */
const runScript = async <Report>(
  { folder, signal, settle }: ScriptPlace,
  script: string,
  job: object,
): Promise<{ readonly report: Report; readonly cost: ProcessCost }> => {
  const file = join(folder, `job-${randomBytes(4).toString('hex')}.json`);
  await writeFile(file, JSON.stringify(job), { mode: 0o600 });
  const path = fileURLToPath(new URL(script, import.meta.url));
  try {
    await settle();
    const cost = await measureProcess(process.execPath, ['--disable-warning=ExperimentalWarning', path, file], {
      signal,
    });
    return { report: JSON.parse(cost.stdout) as Report, cost };
  } finally {
    await rm(file, { force: true });
  }
};

/**
 * The bare loop. Its time is that of the requests alone, neither its start nor the reading of the payloads; its CPU is
 * that of the whole process, as ours is.
 */
export const runObjectLoop = async (place: ScriptPlace, job: ObjectLoopJob): Promise<Sample> => {
  const { report, cost } = await runScript<ObjectLoopReport>(place, 'object-loop.ts', job);
  return {
    wallSeconds: report.seconds,
    documents: job.keys.length,
    ...(report.bytes > 0 && { bytes: report.bytes }),
    cpuSeconds: cost.cpuSeconds,
    peakMemoryBytes: cost.peakMemoryBytes,
    more: { loopCpuSeconds: report.cpuSeconds },
  };
};

/** The original's order of work, without the time that its process takes to start. */
export const runOriginalOrder = async (place: ScriptPlace, job: OriginalOrderJob): Promise<Sample> => {
  const { report, cost } = await runScript<OriginalOrderReport>(place, 'original-order.ts', job);
  return { wallSeconds: report.seconds, documents: report.documents, cpuSeconds: cost.cpuSeconds };
};

/** Documents a second in writing; `getSeconds` is the time of reading them again. */
export const runDocumentLoop = async (place: ScriptPlace, job: DocumentLoopJob): Promise<Sample> => {
  const { report } = await runScript<DocumentLoopReport>(place, 'document-loop.ts', job);
  return { wallSeconds: report.putSeconds, documents: job.keys.length, more: { getSeconds: report.getSeconds } };
};
