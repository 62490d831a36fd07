import { writeFile } from 'node:fs/promises';
import { ERROR_CATALOGUE } from '../src/core/error-catalogue.ts';
import type { ErrorDescription } from '../src/core/error-description.ts';

/** Where the page lies in the repository. */
export const ERRORS_PAGE = new URL('../docs/errors.md', import.meta.url);

const EXITS: Readonly<Record<ErrorDescription['exit'], string>> = {
  1: 'the command did its work, but documents failed (or the program met a defect of its own); `anchore-cli`: the service refused the request',
  2: 'the command line or a configuration cannot be used; `anchore-cli`: no access to the service, or it failed',
  3: 'refused, by a safety check or by the person',
  4: 'a store or the database could not be reached, or refused us',
  5: '`check` or `verify` found wrong data',
  130: 'interrupted by a signal',
};

/** `docs/errors.md`, from the catalogue. */
export const renderErrorsPage = (): string => {
  const entries = Object.entries<ErrorDescription>(ERROR_CATALOGUE);
  const exits = Object.entries(EXITS).map(([exit, text]) => `| ${exit} | ${text} |`);
  const rows = entries.map(
    ([code, { exit, retryable, meaning, remedy }]) =>
      `| \`${code}\` | ${exit} | ${meaning} | ${remedy}${retryable ? ' (Retried by itself first.)' : ''} |`,
  );
  return [
    '# Errors',
    '',
    'Every error has a stable code, one sentence for what happened, and what to do next. Made from `src/core/error-catalogue.ts` by `npm run docs:errors`.',
    '',
    '## Exit codes',
    '',
    '| exit | meaning |',
    '|---|---|',
    '| 0 | done, also when there was nothing to do |',
    ...exits,
    '',
    '## Codes',
    '',
    '| code | exit | meaning | what to do |',
    '|---|---|---|---|',
    ...rows,
    '',
  ].join('\n');
};

if (import.meta.main) await writeFile(ERRORS_PAGE, renderErrorsPage());
