import sax from 'sax';
import { AppError } from '../../core/errors.ts';

/** One element of an answer. Namespaces and attributes carry nothing that S3 clients need, so they are left out. */
export interface XmlElement {
  readonly name: string;
  /** The text directly inside, entities resolved; white space kept, since it can be part of a key. */
  readonly text: string;
  readonly children: readonly XmlElement[];
}

interface OpenElement {
  readonly name: string;
  text: string;
  readonly children: OpenElement[];
}

/** No answer of S3 nests deeper than a handful of levels. */
const MAX_DEPTH = 32;

const malformed = (why: string): AppError =>
  new AppError('store.failed', `the store sent XML that cannot be read: ${why}`);

/**
 * The root element of a document. sax knows only the five entities of XML and character references: no document type
 * can define others, so no answer can grow by expansion. Throws `store.failed` for anything malformed or cut short.
 */
export const parseXml = (text: string): XmlElement => {
  const parser = sax.parser(true, { trim: false, normalize: false, position: false });
  const stack: OpenElement[] = [];
  let root: OpenElement | undefined;
  parser.onerror = (error) => {
    throw malformed(error.message.split('\n')[0] ?? '');
  };
  parser.onopentag = (tag) => {
    const element: OpenElement = { name: tag.name.slice(tag.name.indexOf(':') + 1), text: '', children: [] };
    const parent = stack.at(-1);
    if (stack.length >= MAX_DEPTH) throw malformed('too many levels');
    if (parent === undefined) root = element;
    else parent.children.push(element);
    stack.push(element);
  };
  const addText = (piece: string): void => {
    const top = stack.at(-1);
    if (top !== undefined) top.text += piece;
  };
  parser.ontext = addText;
  parser.oncdata = addText;
  parser.onclosetag = () => void stack.pop();
  parser.write(text).close();
  if (root === undefined || stack.length > 0) throw malformed('no complete element');
  return root;
};

export const findChild = (element: XmlElement, name: string): XmlElement | undefined =>
  element.children.find((child) => child.name === name);

/** The text of a child; undefined where there is no such child. */
export const childText = (element: XmlElement, name: string): string | undefined => findChild(element, name)?.text;

export const childrenNamed = (element: XmlElement, name: string): readonly XmlElement[] =>
  element.children.filter((child) => child.name === name);

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&apos;',
};

/** Text for an XML document. White space other than the blank is written by number: parsers normalise it otherwise. */
export const escapeXml = (text: string): string =>
  text.replace(/[&<>"'\t\r\n]/g, (character) => ENTITIES[character] ?? `&#${character.charCodeAt(0)};`);

/** Whether XML 1.0 can hold the text at all: most control characters and lone surrogates have no form there. */
export const fitsXml = (text: string): boolean =>
  // oxlint-disable-next-line no-control-regex -- exactly these characters are what XML 1.0 cannot hold
  text.isWellFormed() && !/[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\ufffe\uffff]/u.test(text);
