import { documentPageSchema } from '../answers.ts';
import type { z } from 'zod';
import type { Service } from '../http/service.ts';

export type ListedDocument = z.infer<typeof documentPageSchema>['documents'][number];

/** The documents of the account, of one bucket or of all, a page at a time. */
export async function* listPages(
  service: Service,
  bucket: string | undefined,
): AsyncGenerator<readonly ListedDocument[]> {
  for (let after: string | null | undefined; after !== null;) {
    const query = new URLSearchParams({
      ...(bucket !== undefined && { bucket }),
      ...(after !== undefined && { after }),
    });
    const { value } = await service.getAs(`/objects?${query.toString()}`, documentPageSchema);
    yield value.documents;
    after = value.next;
  }
}
