type Listener = (...args: unknown[]) => unknown;

/** Backbone-like events: several names in one string, listeners called in the order they came, `all` hears everything. */
export class Emitter {
  #listeners = new Map<string, { listener: Listener; once: boolean }[]>();

  on(names: string, listener: Listener): this {
    for (const name of names.split(/\s+/)) this.#add(name, listener, false);
    return this;
  }

  once(names: string, listener: Listener): this {
    for (const name of names.split(/\s+/)) this.#add(name, listener, true);
    return this;
  }

  off(names?: string, listener?: Listener): this {
    if (names === undefined) this.#listeners.clear();
    for (const name of names?.split(/\s+/) ?? []) {
      const kept = listener && this.#listeners.get(name)?.filter((entry) => entry.listener !== listener);
      if (kept && kept.length > 0) this.#listeners.set(name, kept);
      else this.#listeners.delete(name);
    }
    return this;
  }

  trigger(name: string, ...args: unknown[]): this {
    for (const entry of [...(this.#listeners.get(name) ?? [])]) {
      if (entry.once) this.off(name, entry.listener);
      callSafely(entry.listener, args);
    }
    if (name !== 'all') {
      for (const entry of [...(this.#listeners.get('all') ?? [])])
        callSafely(entry.listener, [name, ...args]);
    }
    return this;
  }

  /** How many listeners an event has; faults that pile them up are seen by it. */
  listenerCount(name: string): number {
    return this.#listeners.get(name)?.length ?? 0;
  }

  #add(name: string, listener: Listener, once: boolean): void {
    const entries = this.#listeners.get(name) ?? [];
    entries.push({ listener, once });
    this.#listeners.set(name, entries);
  }
}

/** One listener that throws must not keep the others, or the page's own work, from going on. */
function callSafely(listener: Listener, args: unknown[]): void {
  try {
    listener(...args);
  } catch (error) {
    console.error('listener failed', error);
  }
}
