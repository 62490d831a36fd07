import type { Json } from '../../core/json.ts';
import { renderPlainTable } from '../../core/plain-table.ts';
import type { Command } from '../context.ts';
import { type ListedDocument, listPages } from '../documents/list-documents.ts';
import { pythonText } from '../python-text.ts';

const COLUMNS = ['Bucket', 'ID', 'Stored Bytes', 'Compressed', 'Updated'];

const toRow = (document: ListedDocument): readonly string[] => [
  document.bucket,
  document.archiveid,
  document.size === null ? 'None' : String(document.size),
  pythonText(document.is_compressed),
  pythonText(document.last_updated),
];

/** Prints the documents of the account. */
export const documentList =
  (bucket: string | undefined): Command =>
  async ({ service, output }) => {
    const documents: ListedDocument[] = [];
    for await (const page of listPages(service, bucket)) documents.push(...page);
    output.text(renderPlainTable(COLUMNS, documents.map(toRow), 'left'));
    output.object(documents as readonly Json[]);
    return 0;
  };
