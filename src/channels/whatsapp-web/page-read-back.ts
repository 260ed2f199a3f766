import type { PageModel, PageRange } from './page-model.ts';

/**
 * Runs in the page once a document is about to be used, and lets it read a chat back step by step. What was loaded is
 * remembered until another chat is read: a step looks at what is new since the last one, however much was read before.
 */
export function installReadBack(): void {
  const switchboard = window.switchboard;
  if (!switchboard) return;

  interface Reading {
    readonly chatId: string | undefined;
    /** Its messages as far as they were loaded, newest first. */
    models: PageModel[];
    /** Bare ids of all that was loaded. */
    readonly seen: Set<unknown>;
    /** How many models the chat had when they were last looked through. */
    looked: number;
    /** True if the page has no more. */
    complete: boolean;
  }

  let current: Reading | undefined;

  function timeOf(model: PageModel | undefined): number {
    return Number(model?.t ?? 0);
  }

  /** Puts these in their places, newest first. Those of one second stay in the order that they came in. */
  function place(reading: Reading, messages: PageModel[], isOlder: boolean): void {
    messages.reverse().sort((a, b) => timeOf(b) - timeOf(a));
    const known = reading.models;
    if (isOlder && timeOf(messages[0]) <= timeOf(known.at(-1))) {
      for (const model of messages) known.push(model);
    } else if (messages.length > 0) {
      const all = isOlder ? [...known, ...messages] : [...messages, ...known];
      reading.models = all.sort((a, b) => timeOf(b) - timeOf(a));
    }
  }

  /** Takes what is new of these; says how much that is, messages or not. */
  function take(
    reading: Reading,
    models: readonly PageModel[],
    { isOlder, leftOut }: { readonly isOlder: boolean; readonly leftOut: readonly string[] },
  ): number {
    const fresh = models.filter(({ id }) => !reading.seen.has(id.id) && reading.seen.add(id.id));
    const messages = fresh.filter((model) => !model.isNotification && !leftOut.includes(String(model.type)));
    place(reading, messages, isOlder);
    return fresh.length;
  }

  /** Looks the chat's loaded messages through if there are others than were taken: some came, or others loaded them. */
  function takeLoaded(reading: Reading, chat: PageModel, leftOut: readonly string[]): number {
    const { msgs } = chat as unknown as { readonly msgs: { getModelsArray(): PageModel[] } };
    const loaded = msgs.getModelsArray();
    if (loaded.length === reading.looked) return 0;
    reading.looked = loaded.length;
    return take(reading, loaded, { isOlder: false, leftOut });
  }

  async function readBack(chat: PageModel, { offset, limit, leftOut }: PageRange): Promise<PageModel[]> {
    const chatId = switchboard?.addressOf(chat.id);
    if (offset === 0 || current?.chatId !== chatId || !current)
      current = { chatId, models: [], seen: new Set(), looked: 0, complete: false };
    const reading = current;
    takeLoaded(reading, chat, leftOut);
    while (reading.models.length < offset + limit && !reading.complete) {
      const loaded = (await switchboard?.loadEarlier(chat)) ?? [];
      const older = take(reading, loaded, { isOlder: true, leftOut });
      // What was loaded lies in the chat as a rule.
      reading.looked += older;
      // A page that gives nothing new has nothing more, also if it gives the same once again.
      reading.complete = older + takeLoaded(reading, chat, leftOut) === 0;
    }
    return reading.models.slice(offset, offset + limit);
  }

  Object.assign(switchboard, { readBack });
}
