/** The same bytes; `moved` is told how many, as they pass. */
export async function* countBytes(
  chunks: AsyncIterable<Uint8Array>,
  moved: (bytes: number) => void,
): AsyncGenerator<Uint8Array> {
  for await (const chunk of chunks) {
    moved(chunk.length);
    yield chunk;
  }
}
