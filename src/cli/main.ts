/** The edge of the command line's process: environment, arguments, signals, exit code. */
import { loadEnvironment } from '../config/dotenv.ts';
import { ApiClient } from './api-client.ts';
import { findDaemon } from './daemon-address.ts';
import { EXIT } from './exit-code.ts';
import { runProgram } from './program.ts';

const stop = new AbortController();
// A terminal and npm may both hand a Ctrl-C on; the second one changes nothing.
process.on('SIGINT', () => stop.abort(new Error('Interrupted')));

// A reader that has seen enough, as in `switchboard messages … | head -1`, is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  process.exit(error.code === 'EPIPE' ? EXIT.ok : EXIT.failed);
});

process.exitCode = await runProgram(process.argv.slice(2), {
  openApi: async () => {
    const cwd = process.cwd();
    const { env, problems } = loadEnvironment(process.env, cwd);
    return new ApiClient(await findDaemon(env, { cwd, problems }), stop.signal);
  },
  write: (text) => void process.stdout.write(text),
  writeError: (text) => void process.stderr.write(text),
  isTty: process.stdout.isTTY === true,
  signal: stop.signal,
});
