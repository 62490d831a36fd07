import { createHash, randomBytes } from 'node:crypto';
import { readFileSync, readlinkSync } from 'node:fs';

/**
 * A file that is being written, beside its final place. Listings leave it out, and so does Anchore Engine, which only
 * opens files by their full name. The name tells whose it is: the machine (and its container's processes), the process by
 * its id and start time, so that what a killed one has left can go at once.
 */
const NAME = /^\.anchore-put-(?:([0-9a-f]{12})-(\d+)-(\d+)-)?[0-9a-f]{24}\.tmp$/;

/** A write touches its file all the time: what nobody has touched for so long was left by a kill, on whatever machine. */
export const STALE_AFTER_MS = 60 * 60 * 1000;

/** When a process was started, in the kernel's ticks; undefined where there is no such process, or no /proc. */
const findStartTime = (pid: number | 'self'): string | undefined => {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The command, in parentheses, may hold anything; the start time is the 20th field behind it.
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  } catch {
    return undefined;
  }
};

/** The processes that this one can see: one boot of one machine, one container. */
const findProcessSpace = (): string | undefined => {
  try {
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8');
    return createHash('sha256')
      .update(`${boot}${readlinkSync('/proc/self/ns/pid')}`)
      .digest('hex')
      .slice(0, 12);
  } catch {
    return undefined;
  }
};

interface Owner {
  readonly space: string;
  readonly prefix: string;
}

let known: Owner | false | undefined;

/** This process, as its temporary files name it; undefined where the system does not tell. */
const findOwner = (): Owner | undefined => {
  if (known === undefined) {
    const [space, start] = [findProcessSpace(), findStartTime('self')];
    known = space !== undefined && start !== undefined && { space, prefix: `${space}-${process.pid}-${start}-` };
  }
  return known === false ? undefined : known;
};

export const makeTemporaryName = (): string =>
  `.anchore-put-${findOwner()?.prefix ?? ''}${randomBytes(12).toString('hex')}.tmp`;

export const isTemporaryName = (name: string): boolean => NAME.test(name);

/** Whether the process that wrote this file is known to be gone: one that this process would see if it lived. */
export const isAbandoned = (name: string): boolean => {
  const [, space, pid, start] = NAME.exec(name) ?? [];
  if (space === undefined || space !== findOwner()?.space) return false;
  return findStartTime(Number(pid)) !== start;
};
