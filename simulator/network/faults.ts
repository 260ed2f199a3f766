import { z } from 'zod';
import { PASSKEY_LOOKS, type PageFault } from '../protocol.ts';

const ms = z.number().int().min(0);

/** A kind of fault: what is special about it, and whom and how often it strikes, as with any other. */
function kind<K extends string, S extends z.ZodRawShape>(name: K, special: S) {
  const common = {
    kind: z.literal(name),
    /** Only for this phone's devices; the whole world if absent. */
    phone: z.string().optional(),
    /** How often it strikes; always if absent. */
    count: z.number().int().min(1).optional(),
  };
  return z.object({ ...common, ...special }).strict();
}

/** Every way in which the world can be made bad. Without a fault it is good. */
export const faultSchema = z.discriminatedUnion('kind', [
  /** What `GET /` answers; `slow-scripts`: at once, but its scripts come late; `unfinished`: an image in it never comes. */
  kind('page', {
    mode: z.enum(['reset', 'hang', 'slow', 'slow-scripts', 'unfinished', 'status', 'blank']),
    delayMs: ms.optional(),
    status: z.number().int().min(100).max(599).optional(),
  }),
  /**
   * The page tells its version at once, and registers its modules one after another until `delayMs` are over. It goes on as
   * soon as it has those by which it connects. `late-tables`: it has all at once but those through which reactions and votes
   * come in, which it registers `delayMs` after its first sync.
   */
  kind('modules', { mode: z.enum(['late', 'late-tables']), delayMs: ms }),
  /** A linked page's login is withheld, late or cut off. */
  kind('login', { mode: z.enum(['hang', 'slow', 'reset']), delayMs: ms.optional() }),
  /** hasSynced comes `delayMs` after CONNECTED, never, or before the library can look at the page. */
  kind('sync', { mode: z.enum(['at', 'never', 'before-injection']), delayMs: ms.optional() }),
  /** A removed device is told before the library looks, `delayMs` after its login, or by its state only. */
  kind('refusal', { mode: z.enum(['early', 'late', 'state-only']), delayMs: ms.optional() }),
  /** Queued messages come `delayMs` after CONNECTED or after hasSynced; whether they are news to the page. */
  kind('offline', {
    mode: z.enum(['before-sync', 'after-sync']),
    delayMs: ms.optional(),
    isNewMsg: z.boolean().optional(),
  }),
  /** The page reloads itself `delayMs` after it is asked for the module `mode`; the first `after` times are spared. */
  kind('reload-on-require', { mode: z.string().min(1), delayMs: ms.optional(), after: ms.optional() }),
  /**
   * A send is refused with a negative ack, never taken, or taken without an answer; or in the page: it throws, or
   * never settles. `newChatsOnly` spares those who have written before (463 is WhatsApp's error for such a lock).
   */
  kind('send', {
    mode: z.enum(['fail', 'drop', 'noack', 'refuse', 'hang']),
    error: z.number().int().optional(),
    text: z.string().optional(),
    newChatsOnly: z.boolean().optional(),
  }),
  /** Acks on their way to the sender's devices. `levels` chooses which; all of them if absent. */
  kind('ack', {
    mode: z.enum(['delay', 'drop', 'negative']),
    delayMs: ms.optional(),
    error: z.number().int().optional(),
    levels: z.array(z.number().int()).optional(),
  }),
  /** The page receipts messages and, before it shows them to anybody, loads itself anew. */
  kind('receipt', { mode: z.literal('reload') }),
  kind('upload', { mode: z.enum(['fail', 'hang', 'slow']), delayMs: ms.optional() }),
  kind('download', { mode: z.enum(['404', '500', 'hang', 'slow']), delayMs: ms.optional() }),
  /** The page says that a message's media is being uploaded anew; or, of a download that fails, that it knows not why. */
  kind('media-stage', { mode: z.enum(['reuploading', 'error']) }),
  /**
   * Questions whether a number has an account. In the LID dialect: `strict-lid`, a chat needs such a question first;
   * `late-lid`, of those who are new to the page it knows the LID only, until the fault is cleared or the number
   * itself is asked for.
   */
  kind('lookup', { mode: z.enum(['fail', 'hang', 'unregistered', 'strict-lid', 'late-lid']) }),
  /** A page asks for a pairing code. */
  kind('pairing-code', { mode: z.enum(['refuse', 'hang']) }),
  /** The log-in screen of an unlinked page speaks of passkeys; it is drawn `delayMs` after its first reference. */
  kind('login-screen', { mode: z.literal('passkey-hint'), delayMs: ms.optional() }),
  /**
   * A scan is answered, `delayMs` later, by a demand for a passkey, which the page shows in one way or another, or not at
   * all.
   */
  kind('passkey', { mode: z.enum(PASSKEY_LOOKS), delayMs: ms.optional() }),
  /**
   * A fresh link must acknowledge the "What's new" dialog within `delayMs` (5 min), or is logged out. It opens at once after
   * the login, or `opensMs` after the first sync.
   */
  kind('whats-new', { mode: z.literal('demand'), delayMs: ms.optional(), opensMs: ms.optional() }),
]);

export type FaultSpec = z.infer<typeof faultSchema>;
export type FaultKind = FaultSpec['kind'];
export type FaultOf<K extends FaultKind> = Extract<FaultSpec, { kind: K }>;

type Fault = { readonly id: string; readonly spec: FaultSpec; struck: number };
export type FaultView = { readonly id: string; readonly spec: FaultSpec; readonly struck: number };

/** The faults in force. The oldest that fits strikes first. */
export class FaultRegistry {
  readonly #faults = new Map<string, Fault>();
  readonly #struck: () => void;
  #lastId = 0;

  constructor(struck: () => void) {
    this.#struck = struck;
  }

  set(spec: FaultSpec): FaultView {
    this.#lastId += 1;
    const fault: Fault = { id: `fault-${this.#lastId}`, spec, struck: 0 };
    this.#faults.set(fault.id, fault);
    return fault;
  }

  clear(id?: string): void {
    if (id === undefined) this.#faults.clear();
    else this.#faults.delete(id);
  }

  list(): FaultView[] {
    return [...this.#faults.values()].map((fault) => ({ ...fault }));
  }

  find<K extends FaultKind>(
    kind: K,
    phone: string | undefined,
    fits?: (spec: FaultOf<K>) => boolean,
  ): FaultView | undefined {
    for (const fault of this.#faults.values()) {
      if (fault.spec.kind !== kind || !isLive(fault)) continue;
      if (fault.spec.phone !== undefined && fault.spec.phone !== phone) continue;
      if (!fits || fits(fault.spec as FaultOf<K>)) return fault;
    }
    return undefined;
  }

  /** The fault that strikes now, if any; one of its strikes is used up. */
  take<K extends FaultKind>(
    kind: K,
    phone: string | undefined,
    fits?: (spec: FaultOf<K>) => boolean,
  ): FaultOf<K> | undefined {
    const found = this.find(kind, phone, fits);
    if (!found) return undefined;
    this.strike(found.id);
    return found.spec as FaultOf<K>;
  }

  strike(id: string): void {
    const fault = this.#faults.get(id);
    if (!fault) return;
    fault.struck += 1;
    this.#struck();
  }

  /** Those that the page of this phone must play itself. */
  forPage(phone: string | undefined): PageFault[] {
    return [...this.#faults.values()]
      .filter((fault) => isPlayedByPage(fault.spec) && isLive(fault))
      .filter(({ spec }) => spec.phone === undefined || spec.phone === phone)
      .map(({ id, spec, struck }) => ({
        id,
        kind: spec.kind,
        mode: spec.mode,
        left: spec.count === undefined ? null : spec.count - struck,
        text: 'text' in spec ? (spec.text ?? '') : '',
        delayMs: 'delayMs' in spec ? (spec.delayMs ?? 0) : 0,
        after: 'after' in spec ? (spec.after ?? 0) : 0,
      }));
  }
}

function isLive(fault: Fault): boolean {
  return fault.spec.count === undefined || fault.struck < fault.spec.count;
}

function isPlayedByPage(spec: FaultSpec): boolean {
  if (spec.kind === 'send') return spec.mode === 'refuse' || spec.mode === 'hang';
  if (spec.kind === 'lookup') return spec.mode === 'strict-lid' || spec.mode === 'late-lid';
  return ['login-screen', 'media-stage', 'receipt', 'reload-on-require'].includes(spec.kind);
}
