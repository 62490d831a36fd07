import { createServer, request } from 'node:http';

/** Passes requests on to a server, and knows how many writes were under way at once. */
export interface CountingProxy extends AsyncDisposable {
  readonly url: string;
  /** At most so many, since this was set. */
  most: number;
}

export const startCountingProxy = async (target: string): Promise<CountingProxy> => {
  const state = { most: 0, running: 0 };
  const { hostname, port } = new URL(target);
  const server = createServer((incoming, outgoing) => {
    const { method, url: path, headers } = incoming;
    if (method === 'PUT') {
      state.running += 1;
      state.most = Math.max(state.most, state.running);
      outgoing.once('close', () => (state.running -= 1));
    }
    const passed = request({ hostname, port, method, path, headers }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(outgoing);
    });
    passed.once('error', () => outgoing.destroy());
    incoming.pipe(passed);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the proxy has no port');
  return {
    url: `http://127.0.0.1:${address.port}`,
    get most() {
      return state.most;
    },
    set most(value) {
      state.most = value;
    },
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
};
