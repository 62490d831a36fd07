/** Environment variables, as the composition root read them. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** A variable that is set to nothing counts as one that is not set. */
export const withoutEmpty = (environment: Environment): Environment =>
  Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== ''));
