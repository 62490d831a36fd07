import { CATEGORIES, type CallFrame, type Category, categoryOf } from './categories.ts';

interface ProfileNode {
  readonly id: number;
  readonly callFrame: CallFrame & { readonly lineNumber: number };
  readonly children?: readonly number[];
}

/** As `node --cpu-prof` writes it. */
export interface CpuProfile {
  readonly nodes: readonly ProfileNode[];
  readonly samples: readonly number[];
  /** Microseconds since the sample before. */
  readonly timeDeltas: readonly number[];
}

export interface ProfileSummary {
  /** Seconds of own time, from the most to the least, without idle. */
  readonly categories: readonly { readonly category: Category; readonly seconds: number }[];
  readonly busySeconds: number;
  readonly idleSeconds: number;
  /** The functions with the most own time. */
  readonly functions: readonly { readonly name: string; readonly place: string; readonly seconds: number }[];
}

const IDLE: Category = 'idle: waiting for the stores';
const HASHES: Category = 'hashes and compression';
const SIGNING: Category = 'signing of requests';
const OTHERWISE: Category = 'Node itself: promises, queues, streams';
const TOP = 25;

/** The end of a path says enough: `src/archive/codec.ts`, `undici/lib/core/request.js`. */
const placeOf = (url: string, line: number): string => {
  if (url === '') return 'native';
  const short = /(?:node_modules\/|\/(?=(?:src|\.bench-build)\/))(.*)$/.exec(url)?.[1] ?? url;
  return `${short}:${line + 1}`;
};

/** Where the main thread's time goes. What counts where its caller counts is followed upwards. */
export const summariseProfile = (profile: CpuProfile): ProfileSummary => {
  const own = new Map<number, number>();
  for (const [index, id] of profile.samples.entries())
    own.set(id, (own.get(id) ?? 0) + (profile.timeDeltas[index] ?? 0) / 1e6);
  const nodes = new Map(profile.nodes.map((node) => [node.id, node]));
  const parents = new Map(profile.nodes.flatMap((node) => (node.children ?? []).map((child) => [child, node.id])));
  /** Its own category and those of its callers, from the nearest on. */
  const categoriesAbove = (id: number): readonly Category[] => {
    const found: Category[] = [];
    for (let at: number | undefined = id; at !== undefined; at = parents.get(at)) {
      const node = nodes.get(at);
      const category = node && (at === id || node.callFrame.url !== '') ? categoryOf(node.callFrame) : undefined;
      if (category !== undefined) found.push(category);
    }
    return found;
  };
  const find = (id: number): Category => {
    const above = categoriesAbove(id);
    const nearest = above[0] ?? OTHERWISE;
    // A hash that is part of a signature is the signature's cost, not that of checking a document.
    return nearest === HASHES && above.includes(SIGNING) ? SIGNING : nearest;
  };
  const byCategory = new Map<Category, number>(CATEGORIES.map((category) => [category, 0]));
  const byFunction = new Map<string, { name: string; place: string; seconds: number }>();
  for (const [id, seconds] of own) {
    const category = find(id);
    byCategory.set(category, (byCategory.get(category) ?? 0) + seconds);
    const node = nodes.get(id);
    if (node === undefined || category === IDLE) continue;
    const { functionName, url, lineNumber } = node.callFrame;
    const place = placeOf(url, lineNumber);
    const entry = byFunction.get(`${functionName} ${place}`) ?? { name: functionName, place, seconds: 0 };
    entry.seconds += seconds;
    byFunction.set(`${functionName} ${place}`, entry);
  }
  const idleSeconds = byCategory.get(IDLE) ?? 0;
  byCategory.delete(IDLE);
  const categories = [...byCategory]
    .map(([category, seconds]) => ({ category, seconds }))
    .toSorted((a, b) => b.seconds - a.seconds);
  return {
    categories,
    busySeconds: categories.reduce((sum, { seconds }) => sum + seconds, 0),
    idleSeconds,
    functions: [...byFunction.values()].toSorted((a, b) => b.seconds - a.seconds).slice(0, TOP),
  };
};
