import type { Announcement, Announcements } from '../../src/accounts/announcement.ts';

type Kind = Announcement['kind'];
export type Heard<K extends Kind> = Announcement & { readonly kind: K };

/** Keeps what is announced, and lets a test wait for one of it instead of sleeping. */
export class HeardAnnouncements {
  readonly all: Announcement[] = [];
  #looks: (() => void)[] = [];

  constructor(source: Announcements) {
    source.subscribe((announcement) => {
      this.all.push(announcement);
      for (const look of this.#looks) look();
    });
  }

  of<K extends Kind>(kind: K): readonly Heard<K>[] {
    return this.all.filter((announcement): announcement is Heard<K> => announcement.kind === kind);
  }

  /** All of a kind, as soon as there are that many; the test's own timeout bounds the wait. */
  async untilCount<K extends Kind>(kind: K, count: number): Promise<readonly Heard<K>[]> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const look = () => {
      if (this.of(kind).length >= count) resolve();
    };
    this.#looks.push(look);
    look();
    await promise;
    this.#looks = this.#looks.filter((other) => other !== look);
    return this.of(kind);
  }
}
