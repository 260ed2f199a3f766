/** The edge of the command line's process: environment, arguments, signals, exit code. */
import { resolve } from 'node:path';
import { loadEnvironment } from '../config/dotenv.ts';
import { ApiClient } from './api-client.ts';
import { findCallerFolder } from './caller-folder.ts';
import { getDaemon } from './daemon-address.ts';
import { EXIT } from './exit-code.ts';
import { askHidden } from './hidden-answer.ts';
import { runProgram } from './program.ts';

const stop = new AbortController();
const interrupt = () => stop.abort(new Error('Interrupted'));
// A terminal and npm may both hand a Ctrl-C on; the second one changes nothing.
process.on('SIGINT', interrupt);

const readEnvironment = () => loadEnvironment(process.env, process.cwd());

// A reader that has seen enough, as in `switchboard messages … | head -1`, is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  process.exit(error.code === 'EPIPE' ? EXIT.ok : EXIT.failed);
});

process.exitCode = await runProgram(process.argv.slice(2), {
  openApi: async () => {
    const { env, problems } = readEnvironment();
    return new ApiClient(await getDaemon(env, { cwd: process.cwd(), problems }), stop.signal);
  },
  askHidden: (question) =>
    askHidden(question, { input: process.stdin, output: process.stderr, interrupt, signal: stop.signal }),
  findPassphrase: () => readEnvironment().env.SWITCHBOARD_VAULT_PASSPHRASE || undefined,
  readSurroundings: () => {
    const { env, problems } = readEnvironment();
    return { env, context: { cwd: process.cwd(), problems }, isRoot: process.getuid?.() === 0 };
  },
  resolvePath: (path) => resolve(findCallerFolder(process.env, process.cwd()), path),
  write: (text) => void process.stdout.write(text),
  writeError: (text) => void process.stderr.write(text),
  isTty: process.stdout.isTTY === true,
  signal: stop.signal,
});
