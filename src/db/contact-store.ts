import { sql } from 'kysely';
import type { AccountId } from '../accounts/ids.ts';
import { chatIdToPhoneNumber } from '../messages/whatsapp-key.ts';
import { findPhones } from './address-store.ts';
import type { Executor } from './database.ts';
import { lockAccountIngest } from './ingest-statements.ts';
import type { Page, PageRequest } from './keyset.ts';
import { rowsToPage } from './keyset.ts';
import { type LeaseFence, lockHeld, NO_FENCE } from './lease-fence.ts';
import { recordset } from './recordset.ts';
import { toStorable } from './storable-text.ts';
import { transact } from './transaction.ts';

/** Somebody as the account's phone knows them. */
export interface ContactFacts {
  /** The id of the person's chat, by number where it is known. */
  readonly contactId: string;
  /** The name in the phone's address book. */
  readonly name: string | null;
  /** What they call themselves. */
  readonly pushName: string | null;
  readonly isBusiness: boolean;
}

export interface StoredContact extends ContactFacts {
  readonly phoneNumber: string | null;
  readonly lid: string | null;
}

/** Two entries of one person as one: what the first does not say, the second may. */
export function mergeContacts(
  contacts: readonly ContactFacts[],
  phones: ReadonlyMap<string, string>,
): readonly ContactFacts[] {
  const merged = new Map<string, ContactFacts>();
  for (const contact of contacts) {
    const contactId = phones.get(contact.contactId) ?? contact.contactId;
    const before = merged.get(contactId);
    merged.set(contactId, {
      contactId,
      name: before?.name ?? contact.name,
      pushName: before?.pushName ?? contact.pushName,
      isBusiness: before?.isBusiness === true || contact.isBusiness,
    });
  }
  return [...merged.values()];
}

/**
 * Writes down what the page says of contacts now; a name that it does not have any more is gone, a name that somebody
 * goes by stays until there is another. Rows that say the same already are not written.
 * @throws LeaseLostError if the fence lets nothing pass: whoever has the account by now may have linked another phone
 */
export async function saveContacts(
  db: Executor,
  accountId: AccountId,
  contacts: readonly ContactFacts[],
  now: Date,
  fence: LeaseFence = NO_FENCE,
): Promise<void> {
  await transact(db, async (trx) => {
    await lockAccountIngest(trx, accountId);
    if (!(await lockHeld(trx, accountId, fence))) return;
    const phones = await findPhones(
      trx,
      accountId,
      contacts.map(({ contactId }) => contactId),
    );
    const rows = mergeContacts(toStorable(contacts), phones).map((contact) => ({
      contact_id: contact.contactId,
      phone_number: chatIdToPhoneNumber(contact.contactId),
      name: contact.name,
      push_name: contact.pushName,
      is_business: contact.isBusiness,
    }));
    const columns = {
      contact_id: 'text',
      phone_number: 'text',
      name: 'text',
      push_name: 'text',
      is_business: 'boolean',
    };
    await sql`
      insert into contacts as old
        (account_id, contact_id, phone_number, name, push_name, is_business, updated_at)
      select ${accountId}::uuid, r.contact_id, r.phone_number, r.name, r.push_name, r.is_business, ${now}
      from ${recordset(rows, columns)}
      on conflict (account_id, contact_id) do update set
        name = excluded.name,
        push_name = coalesce(excluded.push_name, old.push_name),
        is_business = excluded.is_business,
        updated_at = excluded.updated_at
      where (old.name, old.push_name, old.is_business) is distinct from
        (excluded.name, coalesce(excluded.push_name, old.push_name), excluded.is_business)`.execute(trx);
  });
}

/** The account's contacts in the order of their ids. */
export async function listContacts(
  db: Executor,
  accountId: AccountId,
  { limit, after }: PageRequest,
): Promise<Page<StoredContact>> {
  let query = db
    .selectFrom('contacts')
    .select(['contact_id', 'phone_number', 'name', 'push_name', 'is_business', LID.as('lid')])
    .where('account_id', '=', accountId);
  if (after !== null) query = query.where('contact_id', '>', after.tie);
  const rows = await query
    .orderBy('contact_id')
    .limit(limit + 1)
    .execute();
  return rowsToPage(rows, limit, {
    item: (row) => ({
      contactId: row.contact_id,
      phoneNumber: row.phone_number,
      lid: row.lid,
      name: row.name,
      pushName: row.push_name,
      isBusiness: row.is_business,
    }),
    position: (row) => ({ at: null, tie: row.contact_id }),
  });
}

/** The newest LID of the number, or the contact's own id if that is one. */
const LID = sql<string | null>`case when contacts.contact_id like '%@lid' then contacts.contact_id else (
  select a.lid from addresses a where a.account_id = contacts.account_id and a.phone = contacts.contact_id
  order by a.seen_at desc, a.lid limit 1) end`;
