import { renderPlainTable } from '../../core/plain-table.ts';
import { accountsSchema } from '../answers.ts';
import type { Command } from '../context.ts';
import { pythonText } from '../python-text.ts';

/** Prints all accounts, the oldest first; for an administrator. */
export const accountList: Command = async ({ service, output }) => {
  const { answer, value } = await service.getAs('/accounts', accountsSchema);
  const rows = value
    .map((account) => [account.name, account.email, account.type, account.state, account.created_at].map(pythonText))
    .toSorted((a, b) => ((a[4] ?? '') < (b[4] ?? '') ? -1 : Number((a[4] ?? '') > (b[4] ?? ''))));
  output.text(renderPlainTable(['Name', 'Email', 'Type', 'State', 'Created'], rows, 'left'));
  output.object(answer);
  return 0;
};
