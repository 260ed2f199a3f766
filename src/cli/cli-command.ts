/**
 * How the command line of a daemon is called, as it is printed for pasting. `dataPath` is what this process's own
 * environment says: another terminal has `.env`, but not that.
 */
export function cliCommand(dataPath: string | undefined): string {
  if (!dataPath) return 'npm run cli --';
  const isPlain = /^[\w./@:+-]+$/.test(dataPath);
  const quoted = isPlain ? dataPath : `'${dataPath.replaceAll("'", "'\\''")}'`;
  return `DATA_PATH=${quoted} npm run cli --`;
}

/** The one that this process was called with, or whose daemon this process is. */
export const CLI = cliCommand(process.env.DATA_PATH);
