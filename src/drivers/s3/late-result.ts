import { AppError } from '../../core/errors.ts';
import { describe, type S3Client, type S3Request } from './client.ts';
import { parseFailure } from './failure.ts';
import type { ResponseHeaders } from '../http/response.ts';
import { parseXml, type XmlElement } from './xml.ts';

/**
 * Sends a request whose status comes before the work is done, with blanks until it is: so a failure can come as a 200
 * too, and only the element `expected` says that it was done.
 */
export const sendForLateResult = async (
  client: S3Client,
  request: S3Request,
  expected: string,
): Promise<{ readonly result: XmlElement; readonly headers: ResponseHeaders }> => {
  const { text, headers } = await client.sendForText(request);
  const result = parseXml(text.trimStart());
  if (result.name === 'Error') throw client.errorOf(parseFailure(200, headers, text), request);
  if (result.name !== expected)
    throw new AppError('store.failed', `${describe(request)}: expected ${expected}; got ${result.name}`);
  return { result, headers };
};
