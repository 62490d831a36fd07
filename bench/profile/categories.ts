/** Where a function's own time counts. */
export const CATEGORIES = [
  'this program: the copying',
  'this program: everything else',
  'signing of requests',
  'hashes and compression',
  'HTTP client and its sockets',
  'database client and its sockets',
  'other packages',
  'loading of modules and compiling',
  'abort signals, events and timers',
  'Node itself: promises, queues, streams',
  'garbage collection',
  'native code and system calls outside of JavaScript',
  'idle: waiting for the stores',
] as const;

export type Category = (typeof CATEGORIES)[number];

interface Rule {
  readonly category: Category;
  readonly url: RegExp;
}

/** The first that fits counts. */
const RULES: readonly Rule[] = [
  {
    category: 'signing of requests',
    url: /\/src\/drivers\/s3\/signing\.|node_modules\/@(smithy|aws-sdk|aws-crypto)\//,
  },
  { category: 'this program: the copying', url: /\/src\/(migration|drivers|archive)\// },
  { category: 'this program: everything else', url: /\/src\/|\/\.bench-build\// },
  { category: 'database client and its sockets', url: /node_modules\/pg[-/]/ },
  { category: 'HTTP client and its sockets', url: /node_modules\/undici\// },
  { category: 'hashes and compression', url: /^node:(internal\/)?(crypto|zlib)/ },
  { category: 'other packages', url: /node_modules\// },
  {
    category: 'loading of modules and compiling',
    url: /^node:(internal\/(modules|bootstrap|main|process\/(pre_execution|esm))|amaro)/,
  },
  {
    category: 'abort signals, events and timers',
    url: /^node:(internal\/(abort_controller|event_target|timers)|timers|events)/,
  },
  { category: 'Node itself: promises, queues, streams', url: /^node:/ },
];

const SPECIAL: Readonly<Record<string, Category>> = {
  '(idle)': 'idle: waiting for the stores',
  '(garbage collector)': 'garbage collection',
  '(program)': 'native code and system calls outside of JavaScript',
  '(root)': 'native code and system calls outside of JavaScript',
};

export interface CallFrame {
  readonly functionName: string;
  readonly url: string;
}

/**
 * Of a function; undefined for what counts where its caller counts: native functions, and what the two clients have of
 * Node done for them (sockets, streams).
 */
export const categoryOf = ({ functionName, url }: CallFrame): Category | undefined => {
  if (url === '') return SPECIAL[functionName];
  if (/^node:(net|internal\/(stream_base_commons|streams|util))/.test(url)) return undefined;
  return RULES.find((rule) => rule.url.test(url))?.category ?? 'other packages';
};
