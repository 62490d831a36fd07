import { redact } from '../../core/secrets.ts';
import { visibleText } from '../../core/visible-text.ts';

/** HTML that is safe to put into a page: only `html` makes it. */
export interface Html {
  readonly html: string;
}

type Part = string | number | Html | readonly Html[];

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

const escape = (text: string): string =>
  visibleText(redact(text)).replaceAll(/[&<>"']/g, (found) => ENTITIES[found] ?? '');

const render = (part: Part): string => {
  if (typeof part === 'string') return escape(part);
  if (typeof part === 'number') return String(part);
  return 'html' in part ? part.html : part.map(({ html: inner }) => inner).join('');
};

/** Whatever is put between the pieces is text, and escaped and without secrets, unless it was made by `html` itself. */
export const html = (pieces: TemplateStringsArray, ...parts: readonly Part[]): Html => ({
  html: pieces.map((piece, index) => piece + (index < parts.length ? render(parts[index] ?? '') : '')).join(''),
});

export const NOTHING: Html = { html: '' };
