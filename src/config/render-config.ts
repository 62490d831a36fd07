import { Document } from 'yaml';
import type { DisplayMap, DisplayValue } from './section-values.ts';

/** `Migration from config: {...}`: JSON, indented by 2. */
export const renderJson = (section: DisplayMap): string => JSON.stringify(section, null, 2);

/** A text as Python's repr prints it. */
const pythonText = (text: string): string => {
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'";
  const escaped = text
    .replaceAll('\\', '\\\\')
    .replaceAll('\n', '\\n')
    .replaceAll('\r', '\\r')
    .replaceAll('\t', '\\t')
    .replaceAll(quote, `\\${quote}`);
  return `${quote}${escaped}${quote}`;
};

/** `Initializing migration from {...} to {...}`: one line, as Python prints a dict. */
export const renderPythonDict = (value: DisplayValue): string => {
  if (value === null) return 'None';
  if (typeof value === 'string') return pythonText(value);
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  if (typeof value === 'number') return String(value);
  if (isList(value)) return `[${value.map(renderPythonDict).join(', ')}]`;
  return `{${Object.entries(value)
    .map(([key, item]) => `${pythonText(key)}: ${renderPythonDict(item)}`)
    .join(', ')}}`;
};

const isList = (value: DisplayValue): value is readonly DisplayValue[] => Array.isArray(value);

/** What is to be put into config.yaml afterwards: YAML with its keys sorted, ending in a newline. */
export const renderYaml = (section: DisplayMap): string => {
  const document = new Document(section, { version: '1.1', sortMapEntries: true });
  return document.toString({
    directives: false,
    singleQuote: true,
    lineWidth: 0,
    flowCollectionPadding: false,
    indentSeq: false,
  });
};
