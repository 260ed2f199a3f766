import { ERROR_CATALOGUE, type ErrorCode, type Retry } from '../../src/lib/errors.ts';

const RETRY: Readonly<Record<Retry, string>> = {
  never: 'no',
  backoff: 'after a pause',
  'when-connected': 'once connected',
};

const HEAD = `# Errors

Every error that Switchboard names, with its code. Decide by the code: the sentence beside it may be a more precise
one. Codes are never reused for another meaning.

Over HTTP an error is \`{"success": false, "error": {"code", "message", "details"?, "requestId"}}\` with the status
below. The statuses of errors that only stop a start or only end a message are never sent: a message keeps the code in
\`failedReason\`, and a fault inside the daemon is told as \`INTERNAL\` or \`UNAVAILABLE\`, its cause in the log beside the
same \`requestId\`. \`AUTHENTICATION_FAILED\` is kept for applications that know it and is not sent either: that WhatsApp has
refused a session is the \`reason\` of its account, and a send there is answered 409 \`ACCOUNT_NOT_CONNECTED\`. "Again?" says
whether the same request may succeed later.

This page is made from the catalogue in \`src/lib/errors.ts\`; a test fails when the two differ.
`;

/** The text of docs/errors.md. */
export function makeErrorsPage(): string {
  const rows = (Object.keys(ERROR_CATALOGUE) as ErrorCode[]).map((code) => {
    const { status, retry, message } = ERROR_CATALOGUE[code];
    return `| \`${code}\` | ${status} | ${RETRY[retry]} | ${message} |`;
  });
  return `${HEAD}\n| code | HTTP | again? | meaning |\n|---|---|---|---|\n${rows.join('\n')}\n`;
}
