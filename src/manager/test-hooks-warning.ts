import type { Environment } from '../config/environment.ts';

/** Set by the tests alone, see `test-hooks.ts`. */
export const TEST_HOOKS_VARIABLE = 'ANCHORE_MANAGER_TEST_HOOKS';

/** Said at each start where the variable is set: in an operator's environment it would void what the protocol waits for. */
export const warnOfTestHooks = (environment: Environment): string | undefined =>
  environment[TEST_HOOKS_VARIABLE]
    ? `WARNING: ${TEST_HOOKS_VARIABLE} is set, which is for tests alone: periods that keep documents safe can be cut short, ` +
      'and the process can be made to die. Unset it before you work with documents that you need.\n'
    : undefined;
