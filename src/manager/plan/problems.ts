import { ERROR_CATALOGUE } from '../../core/error-catalogue.ts';
import { toAppError } from '../../core/errors.ts';
import type { Problem } from './plan.ts';

/** Gathers what a migration would meet, so that a person hears of all of it at once. */
export class Problems {
  readonly #found = new Map<string, Problem>();
  readonly #signal: AbortSignal;

  constructor(signal: AbortSignal) {
    this.#signal = signal;
  }

  add(severity: Problem['severity'], error: Omit<Problem, 'severity'>): void {
    const { code, message, remedy } = error;
    // Several ways can lead to one and the same.
    const known = this.#found.get(`${code} ${message}`);
    if (known?.severity !== 'refuse') this.#found.set(`${code} ${message}`, { severity, code, message, remedy });
  }

  /** What the work gives; undefined where it failed, which is a problem then. A defect or an interruption is thrown. */
  async attempt<T>(work: () => Promise<T>, severity: Problem['severity'] = 'refuse'): Promise<T | undefined> {
    try {
      return await work();
    } catch (thrown) {
      this.#signal.throwIfAborted();
      const error = toAppError(thrown);
      if (error.code === 'internal' || error.code === 'interrupted') throw error;
      this.add(severity, error);
      return undefined;
    }
  }

  /** Those that refuse first. */
  list(): readonly Problem[] {
    const all = [...this.#found.values()];
    return [
      ...all.filter(({ severity }) => severity === 'refuse'),
      ...all.filter(({ severity }) => severity === 'warn'),
    ];
  }
}

/** A store or the database that does not work, as against one that would but should not be used. */
const isTrouble = (code: Problem['code']): boolean =>
  code !== 'reminder.backup' && code !== 'store.full' && ERROR_CATALOGUE[code].exit === 4;

/** 3 where `migrate` would be refused; 4 where nothing but a store or the database is in its way. */
export const exitOf = (problems: readonly Problem[]): 0 | 3 | 4 => {
  const refusing = problems.filter(({ severity }) => severity === 'refuse');
  if (refusing.length === 0) return 0;
  return refusing.every(({ code }) => isTrouble(code)) ? 4 : 3;
};
