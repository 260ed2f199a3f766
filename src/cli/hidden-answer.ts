import { createInterface } from 'node:readline';
import { Writable } from 'node:stream';
import { AppError } from '../lib/errors.ts';

export interface HiddenAnswerTerminal {
  readonly input: NodeJS.ReadableStream & { readonly isTTY?: boolean };
  /** Where the question is written; not standard output, which may be read by a program. */
  readonly output: NodeJS.WritableStream;
  /** Called at a Ctrl-C, which a terminal in this mode hands over as a key. */
  readonly interrupt: () => void;
  readonly signal: AbortSignal;
}

/**
 * Asks a question at the terminal and resolves with the line that is typed, of which nothing is shown. Rejects with the
 * signal's reason.
 * @throws AppError VALIDATION_FAILED where nobody sits at a terminal, or the input ends
 */
export async function askHidden(
  question: string,
  { input, output, interrupt, signal }: HiddenAnswerTerminal,
): Promise<string> {
  signal.throwIfAborted();
  if (input.isTTY !== true) {
    throw new AppError('VALIDATION_FAILED', {
      message:
        'A passphrase is needed, and there is no terminal to ask for it. Give it with --passphrase-file, or in SWITCHBOARD_VAULT_PASSPHRASE.',
    });
  }
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  // It edits the line and echoes it, here to nobody.
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  const editor = createInterface({ input, output: nowhere, terminal: true, historySize: 0 });
  const onAbort = () => reject(signal.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  editor.on('SIGINT', interrupt);
  editor.on('line', resolve);
  editor.on('close', () => reject(new AppError('VALIDATION_FAILED', { message: 'Nothing was typed.' })));
  output.write(question);
  try {
    return await promise;
  } finally {
    signal.removeEventListener('abort', onAbort);
    editor.close();
    output.write('\n');
  }
}
