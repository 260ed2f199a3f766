import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * Writes a script that starts the browser only if it may have the profile's lock, and takes it. A whole Chromium does so
 * by itself; the headless shell knows no lock, so that a test of locks needs this where only the shell is installed.
 */
export async function writeLockingBrowser(folder: string, executablePath: string): Promise<string> {
  const path = join(folder, 'locking-browser');
  await writeFile(
    path,
    `#!/bin/sh
for argument; do
  case $argument in --user-data-dir=*) lock=\${argument#*=}/SingletonLock ;; esac
done
if [ -L "$lock" ]; then
  owner=$(readlink "$lock")
  if [ "\${owner%-*}" != "$(uname -n)" ]; then
    echo "The profile appears to be in use on another computer (\${owner%-*})." >&2
    exit 21
  fi
  # A process that has ended, but was not waited for, has no arguments any more.
  if [ -n "$(tr -d '\\0' 2>/dev/null < "/proc/\${owner##*-}/cmdline")" ]; then
    echo 'Failed to create a ProcessSingleton for your profile directory.' >&2
    exit 21
  fi
fi
ln -sfn "$(uname -n)-$$" "$lock"
exec '${executablePath}' "$@"
`,
  );
  await chmod(path, 0o755);
  return path;
}
