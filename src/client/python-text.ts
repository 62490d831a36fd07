/** A value as Python's `str` prints it, which is what the original client shows. */
export const pythonText = (value: string | boolean | null | undefined): string => {
  if (value === null || value === undefined) return 'None';
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  return value;
};
