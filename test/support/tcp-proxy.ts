import { connect, createServer, type Socket } from 'node:net';

export type Direction = 'request' | 'response';

/** What becomes of a piece that passes: these bytes instead, the end of the connection, or nothing ever again. */
export type Alter = (direction: Direction, piece: Buffer, offsetBytes: number) => Buffer | 'cut' | 'hold';

export interface TcpProxy extends AsyncDisposable {
  readonly port: number;
  alter: Alter;
}

const untouched: Alter = (_, piece) => piece;

/** Passes connections on to a port of 127.0.0.1, and does to what passes what `alter` says; at first nothing. */
export const startTcpProxy = async (targetPort: number): Promise<TcpProxy> => {
  const sockets = new Set<Socket>();
  const state = { alter: untouched };
  const server = createServer((client) => {
    const target = connect(targetPort, '127.0.0.1');
    const pass = (direction: Direction, from: Socket, to: Socket): void => {
      let offsetBytes = 0;
      from.on('data', (piece) => {
        const altered = state.alter(direction, Buffer.from(piece), offsetBytes);
        offsetBytes += piece.length;
        if (altered === 'cut') {
          from.destroy();
          to.destroy();
        } else if (altered !== 'hold') {
          to.write(altered);
        }
      });
      from.on('error', () => to.destroy());
      from.on('close', () => {
        sockets.delete(from);
        to.destroy();
      });
      from.on('end', () => to.end());
      sockets.add(from);
    };
    pass('request', client, target);
    pass('response', target, client);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the proxy has no port');
  return {
    port: address.port,
    get alter() {
      return state.alter;
    },
    set alter(next) {
      state.alter = next;
    },
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
};
