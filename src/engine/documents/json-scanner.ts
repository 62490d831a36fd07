import { AppError } from '../../core/errors.ts';

/** Brackets within brackets. What reads documents in Python, as the original does, gives up at a thousand. */
export const MAX_JSON_DEPTH = 1000;

type Expected = 'value' | 'first value' | 'key' | 'first key' | 'colon' | 'comma' | 'nothing';
/** Within a number: what has come last. */
type NumberState = 'minus' | 'zero' | 'digits' | 'point' | 'fraction' | 'e' | 'sign' | 'exponent';
type Within = 'nothing' | 'string' | 'escape' | 'hex' | 'number' | 'literal';

/** Of the key of the outermost object so many bytes are kept: more than any way to write `document` has. */
const KEPT_KEY_BYTES = 64;

const byteOf = (character: string): number => character.charCodeAt(0);
const [QUOTE, BACKSLASH, MINUS, ZERO, NINE] = [byteOf('"'), byteOf('\\'), byteOf('-'), byteOf('0'), byteOf('9')];
const [SPACE, TAB, LINE_FEED, CARRIAGE_RETURN] = [0x20, 0x09, 0x0a, 0x0d];
const [COLON, COMMA, POINT, PLUS, SMALL_E, LARGE_E] = [':', ',', '.', '+', 'e', 'E'].map(byteOf);
const ESCAPES: ReadonlySet<number> = new Set(new TextEncoder().encode('"\\/bfnrt'));
const LITERALS: ReadonlyMap<number, Uint8Array> = new Map(
  ['true', 'false', 'null'].map((word) => [byteOf(word), new TextEncoder().encode(word)]),
);
const BRACKETS: ReadonlyMap<number, 'object' | 'array'> = new Map([
  [byteOf('{'), 'object'],
  [byteOf('['), 'array'],
]);
const CLOSING = { object: byteOf('}'), array: byteOf(']') } as const;

const isDigit = (byte: number): boolean => byte >= ZERO && byte <= NINE;
const isHex = (byte: number): boolean => isDigit(byte) || /[A-Fa-f]/.test(String.fromCharCode(byte));

/** What may follow within a number; undefined where the number has ended before this byte. */
const nextInNumber = (state: NumberState, byte: number): NumberState | undefined => {
  const isE = byte === SMALL_E || byte === LARGE_E;
  switch (state) {
    case 'minus':
      return byte === ZERO ? 'zero' : isDigit(byte) ? 'digits' : undefined;
    case 'zero':
    case 'digits':
      if (isDigit(byte)) return state === 'digits' ? 'digits' : undefined;
      return byte === POINT ? 'point' : isE ? 'e' : undefined;
    case 'point':
      return isDigit(byte) ? 'fraction' : undefined;
    case 'fraction':
      return isDigit(byte) ? 'fraction' : isE ? 'e' : undefined;
    case 'e':
      return isDigit(byte) ? 'exponent' : byte === PLUS || byte === MINUS ? 'sign' : undefined;
    case 'sign':
    case 'exponent':
      return isDigit(byte) ? 'exponent' : undefined;
    default:
      return state satisfies never;
  }
};

const COMPLETE: ReadonlySet<NumberState> = new Set(['zero', 'digits', 'fraction', 'exponent']);

/**
 * The grammar of JSON over bytes as they come, in constant memory: nothing is kept but which brackets are open, and the key
 * of the outermost object. Throws `request.invalid` with the place. That it is UTF-8 is for others to see.
 */
export class JsonScanner {
  /** What the outermost value is, once it has begun. */
  root: 'object' | 'array' | 'other' | undefined;
  /** Keys of the outermost object so far. */
  rootKeys = 0;
  readonly #open: ('object' | 'array')[] = [];
  #expected: Expected = 'value';
  #within: Within = 'nothing';
  #isKey = false;
  #isKept = false;
  #number: NumberState = 'minus';
  #literal: Uint8Array = new Uint8Array();
  /** How many bytes of a literal, or digits of an escape, have come. */
  #done = 0;
  #keptKey: number[] = [];
  /** The place of the next byte. */
  #position = 0;

  /** The last key of the outermost object; undefined where it is longer than what is kept. */
  get rootKey(): string | undefined {
    if (this.#keptKey.length > KEPT_KEY_BYTES) return undefined;
    return JSON.parse(`"${Buffer.from(this.#keptKey).toString('utf8')}"`) as string;
  }

  write(bytes: Uint8Array): void {
    const start = this.#position;
    for (let index = 0; index < bytes.length; index += 1) {
      const byte = bytes[index] ?? 0;
      // Most of what comes is inside of strings.
      if (this.#within === 'string' && !this.#isKept) {
        let inside = byte;
        while (inside !== QUOTE && inside !== BACKSLASH && inside >= 0x20 && index < bytes.length - 1) {
          index += 1;
          inside = bytes[index] ?? 0;
        }
        this.#position = start + index;
        this.#take(inside);
      } else {
        this.#position = start + index;
        this.#take(byte);
      }
    }
    this.#position = start + bytes.length;
  }

  end(): void {
    if (this.#within === 'number' && COMPLETE.has(this.#number)) this.#endValue();
    if (this.#within !== 'nothing' || this.#expected !== 'nothing') throw this.#notJson('it ends too early');
  }

  #take(byte: number): void {
    switch (this.#within) {
      case 'nothing':
        return this.#between(byte);
      case 'string':
        return this.#inString(byte);
      case 'escape':
        if (!ESCAPES.has(byte) && byte !== byteOf('u')) throw this.#unexpected();
        this.#keep(byte);
        this.#done = 0;
        this.#within = byte === byteOf('u') ? 'hex' : 'string';
        return undefined;
      case 'hex':
        if (!isHex(byte)) throw this.#unexpected();
        this.#keep(byte);
        this.#done += 1;
        if (this.#done === 4) this.#within = 'string';
        return undefined;
      case 'number':
        return this.#inNumber(byte);
      case 'literal':
        if (byte !== this.#literal[this.#done]) throw this.#unexpected();
        this.#done += 1;
        if (this.#done === this.#literal.length) this.#endValue();
        return undefined;
      default:
        return this.#within satisfies never;
    }
  }

  #between(byte: number): void {
    if (byte === SPACE || byte === TAB || byte === LINE_FEED || byte === CARRIAGE_RETURN) return undefined;
    const last = this.#open.at(-1);
    switch (this.#expected) {
      case 'first value':
        return byte === CLOSING.array ? this.#close() : this.#beginValue(byte);
      case 'value':
        return this.#beginValue(byte);
      case 'first key':
        return byte === CLOSING.object ? this.#close() : this.#beginKey(byte);
      case 'key':
        return this.#beginKey(byte);
      case 'colon':
        if (byte !== COLON) throw this.#unexpected();
        this.#expected = 'value';
        return undefined;
      case 'comma':
        if (last !== undefined && byte === CLOSING[last]) return this.#close();
        if (byte !== COMMA) throw this.#unexpected();
        this.#expected = last === 'object' ? 'key' : 'value';
        return undefined;
      case 'nothing':
        throw this.#unexpected();
      default:
        return this.#expected satisfies never;
    }
  }

  #beginValue(byte: number): void {
    this.root ??= BRACKETS.get(byte) ?? 'other';
    if (byte === QUOTE) return this.#beginString(false);
    const bracket = BRACKETS.get(byte);
    const literal = LITERALS.get(byte);
    if (bracket !== undefined) this.#openBracket(bracket);
    else if (byte === MINUS || isDigit(byte)) {
      this.#within = 'number';
      this.#number = byte === MINUS ? 'minus' : byte === ZERO ? 'zero' : 'digits';
    } else if (literal !== undefined) {
      this.#within = 'literal';
      this.#literal = literal;
      this.#done = 1;
    } else throw this.#unexpected();
    return undefined;
  }

  #openBracket(bracket: 'object' | 'array'): void {
    if (this.#open.length === MAX_JSON_DEPTH)
      throw new AppError(
        'request.invalid',
        `expected at most ${MAX_JSON_DEPTH} brackets within each other; got another one at byte ${this.#position}`,
      );
    this.#open.push(bracket);
    this.#expected = bracket === 'object' ? 'first key' : 'first value';
  }

  #beginKey(byte: number): void {
    if (byte !== QUOTE) throw this.#unexpected();
    if (this.#open.length === 1) {
      this.rootKeys += 1;
      this.#keptKey = [];
    }
    this.#beginString(true);
  }

  #beginString(isKey: boolean): void {
    this.#within = 'string';
    this.#isKey = isKey;
    this.#isKept = isKey && this.#open.length === 1;
  }

  #inString(byte: number): void {
    if (byte === QUOTE) {
      if (!this.#isKey) return this.#endValue();
      this.#within = 'nothing';
      this.#expected = 'colon';
      return undefined;
    }
    if (byte < 0x20) throw this.#unexpected();
    this.#keep(byte);
    if (byte === BACKSLASH) this.#within = 'escape';
    return undefined;
  }

  #keep(byte: number): void {
    if (this.#isKept && this.#keptKey.length <= KEPT_KEY_BYTES) this.#keptKey.push(byte);
  }

  #inNumber(byte: number): void {
    const next = nextInNumber(this.#number, byte);
    if (next !== undefined) {
      this.#number = next;
      return undefined;
    }
    if (!COMPLETE.has(this.#number)) throw this.#unexpected();
    this.#endValue();
    return this.#between(byte);
  }

  #endValue(): void {
    this.#within = 'nothing';
    this.#expected = this.#open.length === 0 ? 'nothing' : 'comma';
  }

  #close(): void {
    this.#open.pop();
    this.#endValue();
  }

  #unexpected(): AppError {
    return this.#notJson('something stands where it must not');
  }

  #notJson(why: string): AppError {
    return new AppError('request.invalid', `the body is not JSON: ${why}, at byte ${this.#position}`);
  }
}
