import { type ParsedTokenInfo, TokenParser, Tokenizer, TokenType } from '@streamparser/json';
import { AppError, messageOf } from '../../core/errors.ts';
import type { Payload } from '../../drivers/contract.ts';

/** The one key of a JSON document. Source: COMPATIBILITY.md, Documents. */
const KEY = 'document';

const createDecoder = () => new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

const wrongShape = (): AppError => new AppError('request.invalid', 'expected {"document": VALUE} and nothing else');

const notJson = (cause: unknown): AppError =>
  new AppError('request.invalid', `the body is not JSON: ${messageOf(cause)}`, { cause });

const checkBytes = (bytes: Uint8Array): void => {
  let value: unknown;
  try {
    value = JSON.parse(createDecoder().decode(bytes));
  } catch (error) {
    throw notJson(error);
  }
  if (typeof value !== 'object' || value === null || Object.keys(value).join() !== KEY) throw wrongShape();
};

/** Follows the tokens and keeps nothing but how deep they are. */
class ShapeCheck {
  #depth = 0;
  #awaitsKey = false;
  #keys = 0;

  take({ token, value }: ParsedTokenInfo): void {
    const opens = token === TokenType.LEFT_BRACE || token === TokenType.LEFT_BRACKET;
    if (this.#depth === 0 && token !== TokenType.LEFT_BRACE) throw wrongShape();
    if (this.#depth === 1 && this.#awaitsKey && token === TokenType.STRING) {
      this.#keys += 1;
      if (value !== KEY || this.#keys > 1) throw wrongShape();
    }
    this.#awaitsKey = this.#depth === 0 || (this.#depth === 1 && token === TokenType.COMMA);
    if (opens) this.#depth += 1;
    if (token === TokenType.RIGHT_BRACE || token === TokenType.RIGHT_BRACKET) this.#depth -= 1;
  }

  end(): void {
    if (this.#keys !== 1) throw wrongShape();
  }
}

const checkStream = async (chunks: AsyncIterable<Uint8Array>): Promise<void> => {
  const tokenizer = new Tokenizer();
  // Each value is let go as soon as it is complete.
  const parser = new TokenParser({ keepStack: false });
  const shape = new ShapeCheck();
  const text = createDecoder();
  let isFirst = true;
  const fail = (error: unknown): never => {
    throw error;
  };
  parser.onValue = () => undefined;
  parser.onError = fail;
  tokenizer.onError = fail;
  tokenizer.onToken = (token) => {
    shape.take(token);
    parser.write(token);
  };
  try {
    for await (const chunk of chunks) {
      const decoded = text.decode(chunk, { stream: true });
      // The tokenizer would overlook a byte order mark.
      if (isFirst && decoded.startsWith('\uFEFF')) throw new Error('it begins with a byte order mark');
      isFirst &&= decoded === '';
      tokenizer.write(chunk);
    }
    text.decode();
    if (!parser.isEnded) throw new Error('it ends too early');
    shape.end();
  } catch (error) {
    throw error instanceof AppError ? error : notJson(error);
  }
};

/**
 * Whether a content is a JSON document, `{"document": VALUE}`. One that is not in memory is read through, and never is in memory
 * as a whole. Throws `request.invalid`.
 */
export const checkJsonDocument = async (content: Payload): Promise<void> =>
  content.bytes === undefined ? checkStream(content.open()) : checkBytes(content.bytes);
