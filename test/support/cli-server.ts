import { type CliResult, runCli } from './cli-process.ts';
import { openTestServer, type TestServer } from './http-server.ts';
import { openTemporaryFolder } from './temporary-folder.ts';

/** A server, and the command line that is pointed to it. */
export interface CliServer extends AsyncDisposable {
  readonly server: TestServer;
  /** An empty folder, in which the command line runs. */
  readonly folder: string;
  /** With the key of an owner of tenant `default`, if none is given. */
  run(args: readonly string[], key?: string): Promise<CliResult>;
}

export async function openCliServer(...options: Parameters<typeof openTestServer>): Promise<CliServer> {
  await using stack = new AsyncDisposableStack();
  const server = stack.use(await openTestServer(...options));
  const { path } = stack.use(await openTemporaryFolder());
  const opened = stack.move();
  return {
    server,
    folder: path,
    run: (args, key = server.key) =>
      runCli(args, { cwd: path, env: { SWITCHBOARD_URL: server.url, SWITCHBOARD_API_KEY: key } }),
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}
