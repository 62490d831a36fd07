/** Writes or copies objects as fast as bare requests go, as a process of its own. */
import { readFile } from 'node:fs/promises';
import type { ObjectLoopJob, ObjectLoopReport } from './object-loop-job.ts';
import { openBareClient } from './object-target.ts';

const main = async (file: string): Promise<ObjectLoopReport> => {
  const job = JSON.parse(await readFile(file, 'utf8')) as ObjectLoopJob;
  const { action, keys, concurrency } = job;
  const payloads: Buffer[] = [];
  for (const each of job.payloadFiles) payloads.push(await readFile(each));
  const client = openBareClient(job.target, concurrency);
  await client.makeContainer();
  let next = 0;
  let bytes = 0;
  const work = async (): Promise<void> => {
    for (;;) {
      const index = next++;
      const key = keys[index];
      if (key === undefined) return;
      if (action.kind === 'copy') {
        await client.copy(action.fromContainer, key);
        continue;
      }
      const body = payloads[index % payloads.length] ?? Buffer.alloc(0);
      await client.put(key, body);
      bytes += body.length;
    }
  };
  const [started, before] = [performance.now(), process.cpuUsage()];
  await Promise.all(Array.from({ length: concurrency }, work));
  const [seconds, used] = [(performance.now() - started) / 1000, process.cpuUsage(before)];
  await client.close();
  return { seconds, cpuSeconds: (used.user + used.system) / 1e6, bytes };
};

process.stdout.write(`${JSON.stringify(await main(process.argv[2] ?? ''))}\n`);
