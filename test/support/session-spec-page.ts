import { REASONS } from '../../src/accounts/reason.ts';
import { afterFall, NO_ATTEMPT, pauseBeforeMs } from '../../src/accounts/reconnect.ts';
import { SESSION_FACTS } from '../../src/accounts/session-machine.ts';
import { SESSION_STATES } from '../../src/accounts/state.ts';
import { SOCKET_STATES, socketMeaning } from '../../src/channels/whatsapp-web/socket-state.ts';
import { DEFAULT_TIMINGS, SESSION_NUMBERS } from '../../src/config/session-timings.ts';
import { LEASE_NUMBERS } from '../../src/instances/lease-terms.ts';

const HEAD = `# The session of an account

What a session can be in, what leads from one state to the next, why it falls and what is done about it, and every number
of it. The tables are made from the code that runs (\`src/accounts/\`, \`src/config/session-timings.ts\`,
\`src/instances/lease-terms.ts\`); a test fails when the two differ.

One loop (\`src/channels/whatsapp-web/session.ts\`) brings an account to what is wanted: lives of a browser, one after
another. Everything else sets a fact and wakes it. A state is stored in \`accounts.state\` at once and appended to the
account's history, the table \`session_events\`: one row (\`kind\` = \`state\`) for each state that was entered, one for each
attempt to reconnect, one (\`kind\` = \`alert\`) for each alert. It is logged once and announced once over Socket.IO
(\`account:status\`); trouble that is over within seconds is stored, but not announced. Whatever enters the history is
counted once in \`GET /metrics\`.
`;

const { troubleAfterFailures, flappingAfterFalls } = DEFAULT_TIMINGS;

const FALL = `A session that falls is brought back after a pause, counted from the moment at which the attempt before was
declared failed; waiting for its turn at the launch gate comes on top, and is logged. After a connection of five minutes
attempts start again at 1; one that falls sooner keeps its step. A life that was never connected is a failure, and a step:
`;

const TROUBLE = `Once ${troubleAfterFailures} lives in a row have failed, the account is Critical and an alert is raised: an error in the log, a row of
the history, a Socket.IO event. It is still tried, slowly: the schedule goes on to its longest pause and stays there. A
session that connects and falls again never comes to that; ${flappingAfterFalls} such falls in a row raise an alert of their own,
\`flapping\`, since each may be over before it is announced. A recycling for memory is no failure, has no pause and keeps
the step. A reason that needs a human is never tried again; only a user's \`POST /reconnect\` starts a new browser then,
and after a logout it shows a new code. A conflict means that the link was opened elsewhere; if our own other instance
holds the account, it is that one's.
`;

const ANOTHER_NUMBER = `An account that was logged out may be linked again with any phone, unless a number was named when it was created
(\`wrong_phone\`). With the number it had last it goes on, also if its page did not tell it for a while. With another one it
keeps its messages, its limits and what it used of them, and begins anew in everything else: chats are read back two days, as
at a first link; who wrote to the number before, and its contacts, are not taken for the new one's; what WhatsApp thought of
it, and the age by which it is warmed up, start again. Messages that wait are \`cancelled\` and those whose outcome is open
\`unknown\`, both with \`NUMBER_CHANGED\`; campaigns that run or are paused are \`cancelled\`.
`;

const LEASES = `Where several instances share a database, each account is held by one at a time: a session runs only under a lease
(\`src/instances/\`). An instance renews one row of \`instances\` for all that it holds; once that row is gone, which
nobody may delete before it has lapsed by PostgreSQL's clock or is known to be over, its accounts are free. It stops its
sessions before it lapses, and the guard kills its browsers before it lapses, although the daemon stands still. What it
writes of an account after that changes nothing. Where the database is the instance's own, leases never lapse.
[\`operations.md\`](operations.md#when-an-instance-dies) says what operators see of it.
`;

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [line(head), `|${'---|'.repeat(head.length)}`, ...rows.map(line)].join('\n');
}

const code = (word: string) => `\`${word}\``;

function schedule(): string {
  let view = NO_ATTEMPT;
  const rows = Array.from({ length: 9 }, () => {
    view = afterFall(view, { retry: 'backoff', connectedMs: null }, SESSION_NUMBERS.stableAfterMs.value);
    return [String(view.attempt), `${pauseBeforeMs(view, 'backoff') / 1_000} s`];
  });
  return table(['attempt', 'pause before it'], rows);
}

/** `90 s`, `1000 MiB`, `30`. */
function amount(name: string, value: number): string {
  if (name.endsWith('Bytes')) return `${value / 1024 ** 2} MiB`;
  if (!name.endsWith('Ms')) return String(value);
  return value < 1_000 ? `${value} ms` : `${value / 1_000} s`;
}

function numberRows(
  table: Readonly<Record<string, { readonly value: number; readonly text: string; readonly why: string }>>,
): readonly (readonly string[])[] {
  return Object.entries(table).map(([name, { value, text, why }]) => [
    code(name),
    amount(name, value),
    text,
    why,
  ]);
}

/** The text of docs/session-spec.md. */
export function makeSessionSpec(): string {
  const states = Object.entries(SESSION_STATES).map(([state, { connectionStatus, text }]) => [
    code(state),
    connectionStatus,
    text,
  ]);
  const facts = Object.entries(SESSION_FACTS).map(([fact, { text, from, to, also }]) => [
    code(fact),
    text,
    from.map(code).join(', '),
    code(to),
    also,
  ]);
  const reasons = Object.entries(REASONS).map(([reason, { state, retry, text, userAction, keepsLink }]) => [
    code(reason),
    code(state),
    retry,
    text,
    userAction ?? 'none',
    keepsLink ? 'kept' : 'forgotten',
  ]);
  const sockets = SOCKET_STATES.map((state) => {
    const meaning = socketMeaning(state);
    return [code(state), meaning.kind === 'ended' ? `ends the life: ${code(meaning.reason)}` : meaning.kind];
  });
  const numbers = numberRows(SESSION_NUMBERS);
  return [
    HEAD,
    '## States\n',
    table(['state', '`connectionStatus`', 'meaning'], states),
    '\n## Facts\n\nWhat happens, the states in which it counts, and the state that follows. Elsewhere it changes nothing.\n',
    table(['fact', 'meaning', 'from', 'to', 'also'], facts),
    "\n## What the page's socket says\n",
    table(['socket', 'meaning'], sockets),
    '\n## Reasons\n\nRetry: `backoff` by the schedule below, `at-once` without counting a failure, `never` before someone asks.\n',
    table(['reason', 'rests in', 'retry', 'text', 'user action', 'link'], reasons),
    `\n## Reconnecting\n\n${FALL}`,
    schedule(),
    `\n${TROUBLE}`,
    `## Another number\n\n${ANOTHER_NUMBER}`,
    '## Numbers\n',
    table(['name', 'value', 'meaning', 'why'], numbers),
    `\n## Leases\n\n${LEASES}`,
    table(['name', 'value', 'meaning', 'why'], numberRows(LEASE_NUMBERS)),
    '',
  ].join('\n');
}
