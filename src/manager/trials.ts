/** One thing that was tried on a store. */
export interface Trial {
  readonly operation: 'write' | 'read' | 'compare' | 'list' | 'delete';
  readonly ok: boolean;
  /** How long it took; in milliseconds. */
  readonly ms: number;
}

/** Does something to a store, and tells `note` how it went. */
export const tryOut = async <T>(
  operation: Trial['operation'],
  note: (trial: Trial) => void,
  work: () => Promise<T>,
): Promise<T> => {
  const started = performance.now();
  const tell = (ok: boolean): void => note({ operation, ok, ms: Math.round(performance.now() - started) });
  try {
    const value = await work();
    tell(true);
    return value;
  } catch (error) {
    tell(false);
    throw error;
  }
};

/** `write 12 ms, read FAILED` */
export const describeTrials = (trials: readonly Trial[]): string =>
  trials.map(({ operation, ok, ms }) => `${operation} ${ok ? `${ms} ms` : 'FAILED'}`).join(', ');
