import { ApiError, type ApiMessage } from '../../scripts/daemon-api.ts';
import type { GroupInfo, Phone } from '../../simulator/client.ts';
import type { JudgedAccount } from './ground-truth.ts';
import { bareIdOf } from './message-account.ts';
import { untilFound } from './patient-look.ts';
import type { Random } from './random.ts';
import type { Stage } from './stage.ts';

/** Of so many texts of a portion one is edited, and of so many others one deleted, gets a reaction, or loses it again. */
const EDITED_EVERY = 10;
const DELETED_EVERY = 25;
const REACTED_EVERY = 8;
const UNREACTED_EVERY = 16;
/** Of so many messages of a portion, in either direction, one is a file and one an answer. */
const SPECIAL_EVERY = 8;
/** Messages a second to each account. */
const RATE = 60;

/** An account, the group in which it is, and what can be answered there. */
interface Member extends JudgedAccount {
  readonly group: GroupInfo;
  /** Of each chat, as the API calls it, something that came in: the network's id. */
  readonly heard: Map<string, string>;
  /** Of each chat what was accepted last: the API's id. */
  readonly accepted: Map<string, string>;
}

interface People {
  readonly alice: Phone;
  readonly bob: Phone;
  readonly members: readonly Member[];
}

/**
 * Traffic of accounts in portions: texts, files and answers of several people and of a group to each, edits, deletions and
 * reactions of some of them, and texts, files and answers from each to the same chats. What is accepted is accepted
 * once, however often it has to be handed in.
 */
export class JudgedTraffic {
  readonly #stage: Stage;
  readonly #members: readonly Member[];
  /** Reads what is written to him; the other does not. */
  readonly #alice: Phone;
  readonly #bob: Phone;
  readonly #random: Random;
  #portions = 0;

  private constructor(stage: Stage, people: People, random: Random) {
    this.#stage = stage;
    this.#alice = people.alice;
    this.#bob = people.bob;
    this.#members = people.members;
    this.#random = random;
  }

  static async open(
    stage: Stage,
    accounts: readonly JudgedAccount[],
    random: Random,
  ): Promise<JudgedTraffic> {
    const alice = await stage.world.phone('alice', { autoRead: true });
    const bob = await stage.world.phone('bob');
    const members: Member[] = [];
    for (const account of accounts) {
      const group = await stage.world.group({
        subject: `group of ${account.phone.name}`,
        owner: alice,
        participants: [account.phone, bob],
      });
      members.push({ ...account, group, heard: new Map(), accepted: new Map() });
    }
    return new JudgedTraffic(stage, { alice, bob, members }, random);
  }

  /** Hands a portion in, so many messages to and from each account; resolves when all of it is taken on. */
  async flow({
    incoming,
    outgoing,
  }: {
    readonly incoming: number;
    readonly outgoing: number;
  }): Promise<void> {
    this.#portions += 1;
    const name = `portion ${this.#portions}`;
    await Promise.all(
      this.#members.flatMap((member) => [
        this.#write(member, `${name} to ${member.phone.name}`, incoming),
        this.#send(member, `${name} from ${member.phone.name}`, outgoing),
      ]),
    );
  }

  /** In turns from alice, from bob, and from both to the group. */
  async #write(member: Member, text: string, count: number): Promise<void> {
    const { phone, group } = member;
    const special = Math.floor(count / SPECIAL_EVERY);
    const inGroup = Math.floor((count - 2 * special) / 4);
    const parts = [
      { from: ['alice', 'bob'], to: phone, count: count - 2 * special - inGroup, text: `${text},` },
      { from: ['alice'], to: group, count: inGroup, text: `${text}, in the group` },
    ];
    const lists = await Promise.all(
      parts.map((part) => (part.count > 0 ? this.#stage.world.burst({ ...part, rate: RATE }) : { ids: [] })),
    );
    const [alone = [], together = []] = lists.map(({ ids }) => ids);
    await this.#change(phone, alone, text);
    for (let n = 0; n < special; n += 1) {
      const author = n % 2 === 0 ? this.#alice : this.#bob;
      const to = n % 4 < 2 ? phone : group;
      await author.sendMedia(to, {
        data: Buffer.from(`The bytes of ${text} ${n}`),
        mimetype: 'image/jpeg',
        caption: `${text}, the picture ${n}`,
      });
      // Alice's come first in both chats, then in turns.
      const quoted = to === group ? together[n] : alone[n];
      await author.send(to, `${text}, the answer ${n}`, quoted === undefined ? {} : { quoted });
    }
    remember(member.heard, chatIdOf(this.#alice), alone[0]);
    remember(member.heard, chatIdOf(this.#bob), alone[1]);
    remember(member.heard, `${group.id}@g.us`, together[0]);
  }

  /** Their authors edit, delete and react; the account's own phone reacts too. The first two stay as they are. */
  async #change(phone: Phone, ids: readonly string[], text: string): Promise<void> {
    for (const [index, id] of ids.entries()) {
      const author = index % 2 === 0 ? this.#alice : this.#bob;
      if (index % EDITED_EVERY === 3) await author.edit(id, `${text}, edited ${index}`);
      else if (index % DELETED_EVERY === 5) await author.revoke(id);
      else if (index % REACTED_EVERY === 2) {
        await author.react(id, '👍');
        await phone.react(id, '🎉');
        if (index % UNREACTED_EVERY === 2) await author.react(id, '');
      }
    }
  }

  /** One in so many is a file, and one an answer, to what came in or to what went out before. */
  async #send(member: Member, text: string, count: number): Promise<void> {
    const chats = [chatIdOf(this.#alice), chatIdOf(this.#bob), `${member.group.id}@g.us`];
    const earlier = member.accepted.get(chats[0] ?? '');
    for (let n = 1; n <= count; n += 1) {
      const to = chats[Math.floor(this.#random.next() * chats.length)] ?? '';
      const body = { to, ...this.#contentOf(member, { to, text: `${text} ${n}`, n }) };
      remember(member.accepted, to, await this.#sendSurely(member.accountId, body, `${text} ${n}`));
    }
    if (count > 0 && earlier !== undefined) await this.#reactTo(earlier);
  }

  #contentOf(member: Member, { to, text, n }: { to: string; text: string; n: number }): object {
    if (n % SPECIAL_EVERY === 2) {
      const data = Buffer.from(`The bytes of ${text}`).toString('base64');
      return { media: { data, mimeType: 'text/plain' }, caption: text, fileName: 'note.txt' };
    }
    const answered = n % SPECIAL_EVERY === 3 ? member.heard : member.accepted;
    const replyTo = n % SPECIAL_EVERY === 3 || n % SPECIAL_EVERY === 5 ? answered.get(to) : undefined;
    return replyTo === undefined ? { text } : { text, replyTo };
  }

  /** The key makes one of however many tries; an answer is refused until what it answers is known. */
  #sendSurely(accountId: string, body: object, text: string): Promise<string> {
    return untilFound(`The acceptance of ${text}`, async () => {
      try {
        return await this.#stage.api.send(accountId, body, text);
      } catch (thrown) {
        if ('replyTo' in body && thrown instanceof ApiError && thrown.code === 'VALIDATION_FAILED')
          return undefined;
        throw thrown;
      }
    });
  }

  /** Alice does, to a message that was accepted to be sent to her, once she has it. */
  async #reactTo(messageId: string): Promise<void> {
    const bareId = await untilFound(`The delivery of ${messageId}`, async () => {
      const path = `/messages/${messageId}`;
      const message = await this.#stage.api.call<ApiMessage>('GET', path);
      return ['delivered', 'read'].includes(message.status) ? bareIdOf(message) : undefined;
    });
    await this.#alice.react(bareId, '🙏');
  }
}

function chatIdOf(phone: Phone): string {
  return `+${phone.number}`;
}

function remember(known: Map<string, string>, chat: string, id: string | undefined): void {
  if (id !== undefined) known.set(chat, id);
}
