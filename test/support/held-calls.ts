/** A call that is kept from beginning until the test lets it go. */
export interface Hold {
  /** Resolves when somebody has called. */
  readonly reached: Promise<void>;
  go(): void;
}

type Before = () => Promise<void>;

/** A real thing whose calls a test can hold up before they begin, or have fail. */
export class HeldCalls<T extends object> {
  readonly face: T;
  readonly #before = new Map<keyof T, Before[]>();

  constructor(inner: T) {
    this.face = new Proxy(inner, {
      get: (_target, name) => {
        const value: unknown = inner[name as keyof T];
        if (typeof value !== 'function') return value;
        return (...given: unknown[]) => {
          const before = this.#before.get(name as keyof T)?.shift();
          const call = () => value.apply(inner, given);
          return before ? before().then(call) : call();
        };
      },
    });
  }

  /** Holds up the next call of that name that nothing is planned for yet. */
  hold(name: keyof T): Hold {
    const reached = Promise.withResolvers<void>();
    const gone = Promise.withResolvers<void>();
    this.#plan(name, () => {
      reached.resolve();
      return gone.promise;
    });
    return { reached: reached.promise, go: () => gone.resolve() };
  }

  /** Lets the next call of that name pass; for a plan about the one after it. */
  pass(name: keyof T): void {
    this.#plan(name, async () => undefined);
  }

  fail(name: keyof T, error: Error): void {
    this.#plan(name, async () => {
      throw error;
    });
  }

  #plan(name: keyof T, before: Before): void {
    this.#before.set(name, [...(this.#before.get(name) ?? []), before]);
  }
}
