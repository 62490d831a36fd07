import { z } from 'zod';
import { AppError, messageOf } from '../../core/errors.ts';
import { describe, type SwiftClient, type SwiftRequest } from './client.ts';

export interface ListedName {
  readonly name: string;
  readonly sizeBytes: number;
}

const page = z.array(z.object({ name: z.string(), bytes: z.number().int().nonnegative() }));

const parsePage = (text: string, request: SwiftRequest): z.infer<typeof page> => {
  try {
    return text === '' ? [] : page.parse(JSON.parse(text));
  } catch (cause) {
    throw new AppError('store.failed', `${describe(request)}: the listing cannot be understood: ${messageOf(cause)}`, {
      cause,
    });
  }
};

/**
 * Every object of a container whose name begins with a prefix. Ends only at an empty page, since a page may be short;
 * throws where the cluster goes in circles. A listing can lag behind, so it is never a proof.
 */
export async function* listNames(
  client: SwiftClient,
  container: string,
  prefix: string,
  signal: AbortSignal | undefined,
): AsyncGenerator<ListedName> {
  let marker = '';
  for (;;) {
    const query = { format: 'json', ...(prefix !== '' && { prefix }), ...(marker !== '' && { marker }) };
    const request: SwiftRequest = { method: 'GET', container, query, headers: { accept: 'application/json' }, signal };
    const answer = await client.exchangeText(request);
    if (!answer.ok) {
      if (answer.failure.status === 404)
        throw new AppError('store.container-missing', `the container ${container} does not exist`);
      throw client.errorOf(answer.failure, request);
    }
    const entries = parsePage(answer.text, request);
    const last = entries.at(-1);
    if (last === undefined) return;
    if (last.name === marker)
      throw new AppError('store.failed', `${describe(request)}: the listing repeats itself after ${marker}`);
    for (const { name, bytes } of entries) yield { name, sizeBytes: bytes };
    marker = last.name;
  }
}
