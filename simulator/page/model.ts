import { Emitter } from './emitter.ts';

export type Values = Record<string, unknown>;

/**
 * A record with observable attributes. Each attribute is also a property of the model, as the library reads them;
 * the accessors live on the prototype so that a thousand models cost a thousand objects and no more.
 */
export class Model extends Emitter {
  #values: Values = {};

  constructor(values: Values = {}) {
    super();
    this.set(values, { silent: true });
  }

  get(name: string): unknown {
    return this.#values[name];
  }

  /** Writes the values and raises `change:<name>` (model, value, previous) for each that differs, then `change`. */
  set(values: Values, options: { silent?: boolean } = {}): this {
    const changed: [string, unknown, unknown][] = [];
    for (const [name, value] of Object.entries(values)) {
      const previous = this.#values[name];
      if (Object.is(previous, value)) continue;
      this.#values[name] = value;
      defineAccessor(Object.getPrototypeOf(this) as object, name);
      changed.push([name, value, previous]);
    }
    if (options.silent || changed.length === 0) return this;
    for (const [name, value, previous] of changed) this.trigger(`change:${name}`, this, value, previous);
    this.trigger('change', this);
    return this;
  }

  /** A shallow copy of the attributes. */
  serialize(): Values {
    const copy: Values = {};
    for (const [name, value] of Object.entries(this.#values)) if (value !== undefined) copy[name] = value;
    return copy;
  }

  toJSON(): Values {
    return this.serialize();
  }

  unsafe(): this {
    return this;
  }
}

function defineAccessor(prototype: object, name: string): void {
  if (name in prototype) return;
  Object.defineProperty(prototype, name, {
    configurable: true,
    enumerable: false,
    get(this: Model) {
      return this.get(name);
    },
    set(this: Model, value: unknown) {
      this.set({ [name]: value });
    },
  });
}

/** The string under which a key object, an address or a plain id is filed. */
export function keyOf(id: unknown): string {
  if (typeof id !== 'object' || id === null) return String(id);
  const own = id as { _serialized?: unknown; $1?: unknown };
  if (typeof own._serialized === 'string') return own._serialized;
  if (typeof own.$1 === 'string') return own.$1;
  return String(id);
}

/** An ordered set of models; what a model raises, the collection raises too. */
export class Collection<M extends Model> extends Emitter {
  readonly modelClass: new (
    values: Values,
  ) => M;
  #models = new Map<string, M>();
  #bridges = new Map<M, (...args: unknown[]) => void>();

  constructor(modelClass: new (values: Values) => M) {
    super();
    this.modelClass = modelClass;
  }

  get length(): number {
    return this.#models.size;
  }

  /** The list under the name by which older code of the library reads it. */
  get _models(): M[] {
    return this.getModelsArray();
  }

  getModelsArray(): M[] {
    return [...this.#models.values()];
  }

  get(id: unknown): M | undefined {
    return this.#models.get(keyOf(id));
  }

  /** Adds what is not yet there. Raises `add` (model) for each added one unless silent. */
  add(input: M | M[], options: { silent?: boolean } = {}): M[] {
    const models = Array.isArray(input) ? input : [input];
    for (const model of models) {
      const key = keyOf(model.get('id'));
      if (this.#models.has(key)) continue;
      this.#models.set(key, model);
      const bridge = (name: unknown, ...args: unknown[]) => this.trigger(String(name), ...args);
      this.#bridges.set(model, bridge);
      model.on('all', bridge);
      if (!options.silent) this.trigger('add', model, this);
    }
    return models;
  }

  remove(input: unknown, options: { silent?: boolean } = {}): M | undefined {
    const model = input instanceof Model ? (input as M) : this.get(input);
    if (!model || !this.#models.delete(keyOf(model.get('id')))) return undefined;
    if (!options.silent) this.trigger('remove', model, this);
    const bridge = this.#bridges.get(model);
    this.#bridges.delete(model);
    if (bridge) model.off('all', bridge);
    return model;
  }

  reset(): void {
    for (const model of this.getModelsArray()) this.remove(model, { silent: true });
  }

  /** Puts the models into the given order; the newest chat is the first one, for instance. */
  sortBy(compare: (a: M, b: M) => number): void {
    this.#models = new Map([...this.#models].sort(([, a], [, b]) => compare(a, b)));
  }

  filter(test: (model: M) => boolean): M[] {
    return this.getModelsArray().filter(test);
  }

  map<T>(convert: (model: M) => T): T[] {
    return this.getModelsArray().map(convert);
  }

  forEach(visit: (model: M) => void): void {
    this.getModelsArray().forEach(visit);
  }

  some(test: (model: M) => boolean): boolean {
    return this.getModelsArray().some(test);
  }

  first(): M | undefined {
    return this.getModelsArray()[0];
  }

  last(): M | undefined {
    return this.getModelsArray().at(-1);
  }

  serialize(): Values[] {
    return this.map((model) => model.serialize());
  }
}
