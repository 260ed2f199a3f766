import type { Environment } from '../config/environment.ts';

/**
 * The folder in which somebody called the command line, where relative names of files are meant: scripts/switchboard.mjs and
 * `npm run cli` both change to the repository's folder first, for its .env, and say where they came from.
 */
export function findCallerFolder(env: Environment, cwd: string): string {
  // npm hands INIT_CWD on to whatever any script of any package starts.
  const ofNpm = env.npm_lifecycle_event === 'cli' ? env.INIT_CWD : undefined;
  return env.SWITCHBOARD_CALLER_FOLDER || ofNpm || cwd;
}
