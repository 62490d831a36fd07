import { type ParsedTokenInfo, Tokenizer, TokenType } from '@streamparser/json';
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

type Expected = 'value' | 'first value' | 'key' | 'first key' | 'colon' | 'comma' | 'nothing';

const VALUES: ReadonlySet<TokenType> = new Set([
  TokenType.STRING,
  TokenType.NUMBER,
  TokenType.TRUE,
  TokenType.FALSE,
  TokenType.NULL,
]);

/** The grammar of JSON and the shape of a document over tokens. Keeps nothing but which brackets are open. */
class ShapeCheck {
  /** For each open bracket whether it is that of an object. */
  readonly #open: boolean[] = [];
  #expected: Expected = 'value';
  #keys = 0;

  take({ token, value }: ParsedTokenInfo): void {
    if (this.#open.length === 0 && this.#expected === 'value' && token !== TokenType.LEFT_BRACE) throw wrongShape();
    switch (this.#expected) {
      case 'value':
        return this.#value(token);
      case 'first value':
        return token === TokenType.RIGHT_BRACKET ? this.#close() : this.#value(token);
      case 'first key':
        return token === TokenType.RIGHT_BRACE ? this.#close() : this.#key(token, value);
      case 'key':
        return this.#key(token, value);
      case 'colon':
        if (token !== TokenType.COLON) throw unexpected();
        this.#expected = 'value';
        return undefined;
      case 'comma':
        return this.#next(token);
      case 'nothing':
        throw unexpected();
      default:
        return this.#expected satisfies never;
    }
  }

  end(): void {
    if (this.#expected !== 'nothing') throw new Error('it ends too early');
    if (this.#keys !== 1) throw wrongShape();
  }

  #value(token: TokenType): void {
    if (token === TokenType.LEFT_BRACE || token === TokenType.LEFT_BRACKET) {
      const isObject = token === TokenType.LEFT_BRACE;
      this.#open.push(isObject);
      this.#expected = isObject ? 'first key' : 'first value';
    } else if (VALUES.has(token)) this.#expected = 'comma';
    else throw unexpected();
  }

  #key(token: TokenType, value: unknown): void {
    if (token !== TokenType.STRING) throw unexpected();
    if (this.#open.length === 1) {
      this.#keys += 1;
      if (value !== KEY || this.#keys > 1) throw wrongShape();
    }
    this.#expected = 'colon';
  }

  #next(token: TokenType): void {
    const isObject = this.#open.at(-1) === true;
    if (token === TokenType.COMMA) this.#expected = isObject ? 'key' : 'value';
    else if (token === (isObject ? TokenType.RIGHT_BRACE : TokenType.RIGHT_BRACKET)) this.#close();
    else throw unexpected();
  }

  #close(): void {
    this.#open.pop();
    this.#expected = this.#open.length === 0 ? 'nothing' : 'comma';
  }
}

const unexpected = (): Error => new Error('something stands where it must not');

const checkStream = async (chunks: AsyncIterable<Uint8Array>): Promise<void> => {
  const tokenizer = new Tokenizer();
  const shape = new ShapeCheck();
  const text = createDecoder();
  let isFirst = true;
  const fail = (error: unknown): never => {
    throw error;
  };
  tokenizer.onError = fail;
  tokenizer.onToken = (token) => shape.take(token);
  try {
    for await (const chunk of chunks) {
      const decoded = text.decode(chunk, { stream: true });
      // The tokenizer would overlook a byte order mark.
      if (isFirst && decoded.startsWith('\uFEFF')) throw new Error('it begins with a byte order mark');
      isFirst &&= decoded === '';
      tokenizer.write(chunk);
    }
    text.decode();
    if (!tokenizer.isEnded) tokenizer.end();
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
