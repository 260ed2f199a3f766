import type { GroupInfo, Phone } from '../../simulator/client.ts';
import type { JudgedAccount } from './ground-truth.ts';
import { untilFound } from './patient-look.ts';
import type { Random } from './random.ts';
import type { Stage } from './stage.ts';

/** Of so many messages of a portion one is edited, of so many others one deleted. */
const EDITED_EVERY = 10;
const DELETED_EVERY = 25;
/** Messages a second to each account. */
const RATE = 60;

/** An account, and the group in which it is. */
interface Member extends JudgedAccount {
  readonly group: GroupInfo;
}

/**
 * Traffic of accounts in portions: texts of several people and of a group to each, edits and deletions of some of them,
 * and texts from each to the same chats. What is accepted is accepted once, however often it has to be handed in.
 */
export class JudgedTraffic {
  readonly #stage: Stage;
  readonly #members: readonly Member[];
  /** Reads what is written to him; the other does not. */
  readonly #alice: Phone;
  readonly #bob: Phone;
  readonly #random: Random;
  #portions = 0;

  private constructor(
    stage: Stage,
    people: { readonly alice: Phone; readonly bob: Phone; readonly members: readonly Member[] },
    random: Random,
  ) {
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
      members.push({ ...account, group });
    }
    return new JudgedTraffic(stage, { alice, bob, members }, random);
  }

  /** Hands a portion in, so many texts to and from each account; resolves when all of it is taken on. */
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
  async #write({ phone, group }: Member, text: string, count: number): Promise<void> {
    const inGroup = Math.floor(count / 4);
    const parts = [
      { from: ['alice', 'bob'], to: phone, count: count - inGroup, text: `${text},` },
      { from: ['alice'], to: group, count: inGroup, text: `${text}, in the group` },
    ];
    const lists = await Promise.all(
      parts.filter((part) => part.count > 0).map((part) => this.#stage.world.burst({ ...part, rate: RATE })),
    );
    for (const [index, id] of (lists[0]?.ids ?? []).entries()) {
      const author = index % 2 === 0 ? this.#alice : this.#bob;
      if (index % EDITED_EVERY === 3) await author.edit(id, `${text}, edited ${index}`);
      else if (index % DELETED_EVERY === 5) await author.revoke(id);
    }
  }

  async #send({ accountId, group }: Member, text: string, count: number): Promise<void> {
    const chats = [`+${this.#alice.number}`, `+${this.#bob.number}`, `${group.id}@g.us`];
    for (let n = 1; n <= count; n += 1) {
      const to = chats[Math.floor(this.#random.next() * chats.length)] ?? '';
      await this.#sendSurely(accountId, to, `${text} ${n}`);
    }
  }

  /** The key makes one of however many tries. */
  async #sendSurely(accountId: string, to: string, text: string): Promise<void> {
    await untilFound(`The acceptance of ${text}`, () => this.#stage.api.send(accountId, { to, text }, text));
  }
}
