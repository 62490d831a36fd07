import { randomBytes } from 'node:crypto';

/**
 * A file that is being written, beside its final place. Listings leave it out, and so does Anchore Engine, which only
 * opens files by their full name.
 */
const NAME = /^\.anchore-put-[0-9a-f]{24}\.tmp$/;

/** A write lasts seconds, and touches its file all the time: what nobody has touched for so long was left by a kill. */
export const STALE_AFTER_MS = 60 * 60 * 1000;

export const makeTemporaryName = (): string => `.anchore-put-${randomBytes(12).toString('hex')}.tmp`;

export const isTemporaryName = (name: string): boolean => NAME.test(name);
