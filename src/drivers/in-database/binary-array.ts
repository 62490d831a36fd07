const HEADER_BYTES = 20;
const LENGTH_BYTES = 4;
const BYTEA_OID = 17;

/**
 * A `bytea[]` parameter in PostgreSQL's binary form (`array_send` in its source): as text each byte would travel as two
 * or more characters.
 */
export const encodeByteaArray = (items: readonly Uint8Array[]): Buffer => {
  const sizeBytes = items.reduce((sum, item) => sum + LENGTH_BYTES + item.length, HEADER_BYTES);
  const result = Buffer.allocUnsafe(sizeBytes);
  let offset = 0;
  const addInt = (value: number): void => {
    offset = result.writeInt32BE(value, offset);
  };
  addInt(1); // dimensions
  addInt(0); // holds no NULL
  addInt(BYTEA_OID);
  addInt(items.length);
  addInt(1); // the first index
  for (const item of items) {
    addInt(item.length);
    result.set(item, offset);
    offset += item.length;
  }
  return result;
};
