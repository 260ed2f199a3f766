import { lookup } from 'node:dns/promises';
import { networkInterfaces } from 'node:os';
import { toError } from '../../lib/errors.ts';
import { bad, type Finding, good, warning } from './finding.ts';

/** How long a daemon has to say that it is there, in milliseconds. */
const ANSWER_MS = 5_000;

/** What answers at an address. */
export type DaemonAnswer =
  | { readonly kind: 'none'; readonly why: string }
  | { readonly kind: 'stranger'; readonly status: number }
  | {
      readonly kind: 'daemon';
      /** Parts that `GET /ready` says do not answer; empty if all do. */
      readonly missing: readonly string[];
      /** Its clock as the answer tells it, ms since the epoch, to a second; undefined if it does not. */
      readonly at: number | undefined;
    };

/** Asks what answers at the address whether it is a daemon that is ready. Never rejects but with the signal's reason. */
export async function askDaemon(url: string, signal: AbortSignal): Promise<DaemonAnswer> {
  try {
    const limited = AbortSignal.any([signal, AbortSignal.timeout(ANSWER_MS)]);
    const response = await fetch(`${url}/ready`, { signal: limited });
    const body: unknown = await response.json().catch(() => undefined);
    if (typeof body !== 'object' || body === null || !('success' in body))
      return { kind: 'stranger', status: response.status };
    const at = Date.parse(response.headers.get('date') ?? '');
    return {
      kind: 'daemon',
      missing: response.ok ? [] : parseMissing(body),
      at: Number.isNaN(at) ? undefined : at,
    };
  } catch (thrown) {
    signal.throwIfAborted();
    const { cause, message } = toError(thrown);
    return { kind: 'none', why: cause instanceof Error && cause.message !== '' ? cause.message : message };
  }
}

/** `Not ready: database, queue.` */
function parseMissing(body: object): readonly string[] {
  const { error } = body as { readonly error?: { readonly message?: unknown } };
  const [, names] = /^Not ready: ([\w, ]+)\.$/.exec(String(error?.message)) ?? [];
  return names === undefined ? ['something'] : names.split(', ');
}

/** Whether the address is one of this machine. A name that nobody knows is nobody's. */
export async function isOfThisMachine(url: string): Promise<boolean> {
  const host = new URL(url).hostname.replace(/^\[|\]$/g, '');
  const own = new Set(
    Object.values(networkInterfaces()).flatMap((all) => all?.map(({ address }) => address) ?? []),
  );
  const isOwn = (address: string) => /^127\.|^::1$|^0\.0\.0\.0$|^::$/.test(address) || own.has(address);
  if (isOwn(host)) return true;
  const found = await lookup(host, { all: true }).catch(() => []);
  return found.length > 0 && found.every(({ address }) => isOwn(address));
}

/** Where the checks look: at this machine, whose daemon is here, or whose is another's. */
export type Place = 'here' | 'elsewhere';

export function daemonToFinding(
  answer: DaemonAnswer,
  { url, place }: { readonly url: string; readonly place: Place },
): Finding {
  const where = place === 'here' ? url : `${url}, which is another machine`;
  switch (answer.kind) {
    case 'none':
      return place === 'here'
        ? warning(`None answers at ${where} (${answer.why}).`, 'Start it: npm start')
        : bad(`None answers at ${where} (${answer.why}).`, 'Start it there, or correct SWITCHBOARD_URL.');
    case 'stranger':
      return bad(
        `What answers at ${where} is not Switchboard (HTTP ${answer.status}).`,
        'Correct PORT or SWITCHBOARD_URL.',
      );
    case 'daemon':
      return answer.missing.length === 0
        ? good(`It answers at ${where}, and is ready.`)
        : bad(
            `It answers at ${where}, but is not ready: ${answer.missing.join(', ')}.`,
            'See the checks below, and its log.',
          );
    default:
      return answer satisfies never;
  }
}

/** What a daemon elsewhere says of one of its parts; undefined if it says nothing. */
export function partToFinding(answer: DaemonAnswer, part: 'database' | 'queue'): Finding | undefined {
  if (answer.kind !== 'daemon') return undefined;
  return answer.missing.includes(part) || answer.missing.includes('something')
    ? bad('The daemon says that it does not answer.', 'Run this on its machine, which can say why.')
    : good('The daemon says that it answers.');
}
