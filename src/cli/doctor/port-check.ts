import { once } from 'node:events';
import { createServer } from 'node:net';
import { errnoOf } from '../../lib/errors.ts';
import { addressToUrl } from '../daemon-address.ts';
import type { DaemonAnswer } from './daemon-answer.ts';
import { bad, type Finding, good } from './finding.ts';

/** HOST:PORT is the daemon's, or free for it. `url` is where a daemon was asked for, which answered so. */
export async function checkPort(
  { host, port }: { readonly host: string; readonly port: number },
  { url, answer }: { readonly url: string; readonly answer: DaemonAnswer },
): Promise<Finding> {
  if (port === 0) return good('Any free port is taken (PORT=0).');
  const isAsked = url === addressToUrl(host, port);
  if (isAsked && answer.kind === 'daemon') return good(`The daemon listens on ${host}:${port}.`);
  const code = await tryListening(host, port);
  switch (code) {
    case undefined:
      return good(`${host}:${port} is free.`);
    case 'EADDRINUSE':
      return bad(
        `${host}:${port} is taken by something else.`,
        `End what uses it (see: ss -ltnp), or choose another: PORT=${port + 1} npm start`,
      );
    case 'EACCES':
      return bad(
        `${host}:${port} may not be used by this user.`,
        'Choose a port above 1023, such as PORT=3000.',
      );
    default:
      return bad(
        `${host} is no address of this machine that can be listened on (${code}).`,
        'Set HOST to 127.0.0.1, or to 0.0.0.0 for all addresses.',
      );
  }
}

/** The code of the error that listening meets; undefined if it works. It stops at once. */
async function tryListening(host: string, port: number): Promise<string | undefined> {
  const server = createServer();
  try {
    server.listen({ host, port, exclusive: true });
    await once(server, 'listening');
    server.close();
    await once(server, 'close');
    return undefined;
  } catch (thrown) {
    return errnoOf(thrown) ?? 'unknown';
  }
}
