import { readFile } from 'node:fs/promises';
import { createServer, type IncomingHttpHeaders, type RequestListener, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { buffer } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';

export interface ScriptedRequest {
  readonly method: string;
  /** Path and query exactly as they were sent. */
  readonly target: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

export interface ScriptedAnswer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
  /** Closes the connection after so many bytes of the body, whatever length was announced. */
  readonly cutAfterBytes?: number;
}

/** Gives the answer to a request; undefined: none ever comes. */
export type Script = (request: ScriptedRequest) => ScriptedAnswer | undefined;

export interface ScriptedServer extends AsyncDisposable {
  readonly url: string;
  readonly requests: readonly ScriptedRequest[];
  script: Script;
}

const send = (response: ServerResponse, answer: ScriptedAnswer): void => {
  const body = Buffer.from(answer.body ?? '');
  response.writeHead(answer.status, { 'content-length': String(body.length), ...answer.headers });
  if (answer.cutAfterBytes === undefined) {
    response.end(body);
    return;
  }
  response.write(body.subarray(0, answer.cutAfterBytes), () => response.destroy());
};

/** A certificate of its own for `localhost` and 127.0.0.1, valid until 2126; its key guards nothing. */
export const TLS_CERTIFICATE_FILE = fileURLToPath(new URL('tls/localhost-certificate.pem', import.meta.url));
const TLS_KEY_FILE = fileURLToPath(new URL('tls/localhost-key.pem', import.meta.url));

const readTlsFiles = async (): Promise<{ readonly cert: Buffer; readonly key: Buffer }> => {
  const [cert, key] = await Promise.all([readFile(TLS_CERTIFICATE_FILE), readFile(TLS_KEY_FILE)]);
  return { cert, key };
};

/** A server for tests that answers what it is told to, for what no real server can be made to answer. */
export const startScriptedServer = async (
  script: Script,
  options: { readonly tls?: boolean } = {},
): Promise<ScriptedServer> => {
  const requests: ScriptedRequest[] = [];
  const state = { script };
  const listener: RequestListener = (request, response) => {
    const answer = async (): Promise<void> => {
      const { method = '', url: target = '', headers } = request;
      const seen = { method, target, headers, body: await buffer(request) };
      requests.push(seen);
      const given = state.script(seen);
      if (given !== undefined) send(response, given);
    };
    answer().catch(() => response.destroy());
  };
  const server = options.tls === true ? createTlsServer(await readTlsFiles(), listener) : createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the server has no port');
  return {
    url: `${options.tls === true ? 'https' : 'http'}://127.0.0.1:${address.port}`,
    requests,
    get script() {
      return state.script;
    },
    set script(next) {
      state.script = next;
    },
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
};
