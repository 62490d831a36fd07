import type { Operation } from '../../drivers/wrappers/forwarding-driver.ts';
import type { LimitValues } from '../../drivers/wrappers/limits.ts';
import type { OperationMeasure } from '../../drivers/wrappers/measure.ts';

/** What passed between us and one store. */
export interface Traffic {
  readonly requests: number;
  readonly readBytes: number;
  readonly writtenBytes: number;
}

/** What passed while some documents were copied for a trial. */
export interface MeasuredTraffic {
  readonly documents: number;
  /** Of these documents, as the source has them. */
  readonly bytes: number;
  readonly stores: readonly Traffic[];
}

const READING: ReadonlySet<Operation> = new Set<Operation>(['get', 'bulk.get']);
/** A copy that the store makes itself is not among them: no limit of bytes holds for it. */
const WRITING: ReadonlySet<Operation> = new Set<Operation>(['put', 'bulk.put']);

export const trafficOf = (measures: ReadonlyMap<Operation, OperationMeasure>): Traffic => {
  const sum = (of: (measure: OperationMeasure) => number, operations?: ReadonlySet<Operation>): number =>
    [...measures].reduce(
      (total, [operation, measure]) =>
        operations === undefined || operations.has(operation) ? total + of(measure) : total,
      0,
    );
  return {
    requests: sum(({ calls }) => calls),
    readBytes: sum(({ bytes }) => bytes, READING),
    writtenBytes: sum(({ bytes }) => bytes, WRITING),
  };
};

/**
 * The least that copying so many documents of so many bytes takes where an operator limits requests and bytes, in seconds.
 * The limits hold for each store apart, and for what is read and what is written apart: the slowest of them sets the pace.
 */
export const leastCopySeconds = (
  { requestsPerSecond, bandwidthBytesPerSecond }: LimitValues,
  traffic: MeasuredTraffic,
  documents: number,
  bytes: number,
): number => {
  if (traffic.documents === 0) return 0;
  const most = (of: (store: Traffic) => number): number => Math.max(0, ...traffic.stores.map(of));
  const requests = (most((store) => store.requests) / traffic.documents) * documents;
  const passed =
    traffic.bytes === 0 ? 0 : (most((store) => Math.max(store.readBytes, store.writtenBytes)) / traffic.bytes) * bytes;
  return Math.max(atRate(requests, requestsPerSecond), atRate(passed, bandwidthBytesPerSecond));
};

/** What one request for each document takes at least, in seconds. */
export const leastRequestSeconds = ({ requestsPerSecond }: LimitValues, documents: number): number =>
  atRate(documents, requestsPerSecond);

const atRate = (amount: number, perSecond: number | undefined): number =>
  perSecond === undefined ? 0 : amount / perSecond;
