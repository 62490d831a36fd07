import { AppError } from '../../core/errors.ts';
import { readableBytes } from '../../core/readable-bytes.ts';
import { findControl } from '../../migration/control-store.ts';
import type { Command } from '../context.ts';
import { connectForId, getRecord, parseId } from '../journalled.ts';
import { parseLimits } from '../progress/run-options.ts';
import { askRun, getLiveRun } from '../running-migration.ts';
import { reportAsked } from './pause.ts';

/** `limit ID --bandwidth RATE ...`: changes what a running migration may ask of its stores. */
export const limit: Command = async (context, input) => {
  const id = parseId(input);
  const change = parseLimits(input);
  if (Object.keys(change).length === 0) {
    throw new AppError('usage.invalid', 'no limit is named', {
      remedy: 'Give --bandwidth, --requests-per-second or --concurrency, each with a value or none.',
    });
  }
  await using db = await connectForId(context, input);
  await getRecord(db, id);
  const answer = await askRun(db, await getLiveRun(db, id), change, context.signal);
  const now = await findControl(db, id);
  const texts = [
    now?.bandwidthBytesPerSecond === undefined ? 'any bandwidth' : `${readableBytes(now.bandwidthBytesPerSecond)}/s`,
    now?.requestsPerSecond === undefined ? 'any number of requests' : `${now.requestsPerSecond} requests/s`,
    now?.concurrency === undefined ? 'as many at once as the store takes' : `${now.concurrency} at once`,
  ];
  return reportAsked(context, answer, `Migration ${id} goes by it: ${texts.join(', ')}, at each store`);
};
