import { AppError, messageOf } from '../../core/errors.ts';
import type { Payload } from '../../drivers/contract.ts';
import { JsonScanner } from './json-scanner.ts';

/** The one key of a JSON document. Source: COMPATIBILITY.md, Documents. */
const KEY = 'document';

const wrongShape = (): AppError => new AppError('request.invalid', 'expected {"document": VALUE} and nothing else');

/** Throws `request.invalid` where the bytes so far are not UTF-8; call it without bytes at their end. */
const createTextCheck = (): ((bytes?: Uint8Array) => void) => {
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  return (bytes) => {
    try {
      decoder.decode(bytes, { stream: bytes !== undefined });
    } catch (cause) {
      throw new AppError('request.invalid', `the body is not JSON: ${messageOf(cause)}`, { cause });
    }
  };
};

/** Whether bytes that are in memory are JSON that nests no deeper than allowed. Throws `request.invalid`. */
export const checkJson = (bytes: Uint8Array): void => {
  const scanner = new JsonScanner();
  const checkText = createTextCheck();
  scanner.write(bytes);
  scanner.end();
  checkText(bytes);
  checkText();
};

/**
 * Whether a content is a JSON document, `{"document": VALUE}`. It is read through, and nothing of it is kept. Throws
 * `request.invalid` with the place of what is wrong.
 */
export const checkJsonDocument = async (content: Payload): Promise<void> => {
  const scanner = new JsonScanner();
  const checkText = createTextCheck();
  for await (const chunk of content.open()) {
    checkText(chunk);
    scanner.write(chunk);
    // Not after a gigabyte of something else.
    if ((scanner.root ?? 'object') !== 'object' || scanner.rootKeys > 1) throw wrongShape();
  }
  checkText();
  scanner.end();
  if (scanner.rootKeys !== 1 || scanner.rootKey !== KEY) throw wrongShape();
};
