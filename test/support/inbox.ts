/** Collects jobs and tells when enough have come. */
export class Inbox {
  readonly ids: string[] = [];
  readonly #waiters: { readonly isEnough: () => boolean; readonly promise: PromiseWithResolvers<void> }[] =
    [];

  take(id: string): void {
    this.ids.push(id);
    for (const { isEnough, promise } of this.#waiters) if (isEnough()) promise.resolve();
  }

  /** Resolves when so many have come, each as often as it came. */
  has(count: number): Promise<void> {
    return this.#until(() => this.ids.length >= count);
  }

  /** Resolves when each of these has come. */
  hasEach(...ids: string[]): Promise<void> {
    return this.#until(() => ids.every((id) => this.ids.includes(id)));
  }

  async #until(isEnough: () => boolean): Promise<void> {
    const promise = Promise.withResolvers<void>();
    this.#waiters.push({ isEnough, promise });
    if (isEnough()) promise.resolve();
    await promise.promise;
  }
}
