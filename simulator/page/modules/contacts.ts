import type { GroupInfo, Peer } from '../../protocol.ts';
import { alternateWid, findPn, getMe, learnPeers, toLid, toPn, userWid } from '../addresses.ts';
import { type ContactModel, contacts, groupMetadata } from '../models.ts';
import { defineModules } from '../registry.ts';
import type { PageSession } from '../session.ts';
import { createWid, type Wid } from '../wid.ts';
import { lookUp } from './messages.ts';

/** The modules of addresses, contacts and groups. */
export function defineContactModules(session: PageSession): void {
  const { world, socket } = session;

  contacts.source = async (wid) => {
    const pn = findPn(wid);
    if (pn === undefined) throw new Error(`contact not found: ${wid._serialized}`);
    await lookUp(session, pn, wid.isLid());
    return world.contact(pn);
  };
  groupMetadata.update = async (wid) => {
    const group = (await socket.query('group', { id: wid.user })) as {
      group: GroupInfo;
      peers: Peer[];
    } | null;
    if (!group) return;
    learnPeers(group.peers);
    await world.store.write(world.takeGroup(group.group));
  };

  defineModules({
    WAWebWidFactory: {
      createWid: (input: unknown) => createWid(input),
      createWidFromWidLike: (input: unknown) => createWid(input),
      createUserWidOrThrow: (input: unknown) => createWid(input),
      asUserWidOrThrow: (input: unknown) => asUser(createWid(input)),
      isWidlike: (input: unknown) => typeof (input as { server?: unknown } | null)?.server === 'string',
    },
    WAWebJidToWid: { userJidToUserWid: createWid },
    WAWebWidToJid: {
      widToUserJid: (wid: unknown) => createWid(wid).toJid(),
      widToGroupJid: (wid: unknown) => createWid(wid).toJid(),
    },
    WAWebQueryExistsJob: {
      queryWidExists: async (input: unknown) => {
        const wid = createWid(input);
        const pn = findPn(wid);
        if (pn === undefined || !(await lookUp(session, pn, wid.isLid()))) return null;
        return { wid: userWid(pn), biz: false };
      },
    },
    WAWebApiContact: {
      getCurrentLid: toLid,
      getPhoneNumber: toPn,
      getAlternateUserWid: alternateWid,
    },
    WAWebLidMigrationUtils: { toPn, toLid, toUserLid: toLid },
    WAWebContactGetters: {
      // Nowhere else: who it is, is no field of a contact.
      getIsMe: (contact: ContactModel) => findPn(contact.wid()) === getMe()?.pn,
      getIsUser: (contact: ContactModel) => contact.wid().isUser(),
      getIsGroup: (contact: ContactModel) => contact.wid().isGroup(),
      getIsWAContact: (contact: ContactModel) => contact.wid().isUser(),
      getUserid: (contact: ContactModel) => contact.wid().user,
      getVerifiedName: () => undefined,
      getVerifiedLevel: () => undefined,
      getStatusMute: () => false,
      getName: (contact: ContactModel) => contact.get('name'),
      getShortName: (contact: ContactModel) => contact.get('shortName'),
      getPushname: (contact: ContactModel) => contact.get('pushname'),
      getIsEnterprise: () => false,
    },
    WAWebFrontendContactGetters: {
      getIsMyContact: (contact: ContactModel) => contact.get('isAddressBookContact') === 1,
    },
    WAWebFrontendVcardUtils: {
      vcardFromContactModel: (contact: ContactModel) => ({
        displayName: contact.formattedName,
        vcard: vcardOf(contact.formattedName, findPn(contact.wid()) ?? contact.wid().user),
      }),
    },
    WAWebVcardParsingUtils: { parseVcard: (text: string) => parseVcard(text) },
    WAWebVcardGetNameFromParsed: { vcardGetNameFromParsed: (parsed: ParsedVcard) => parsed.name },
    WAWebPhoneUtils: { formattedPhoneNumber: (jid: string) => `+${createWid(jid).user}` },
    WAWebContactProfilePicThumbBridge: { requestProfilePicFromServer: async () => undefined },
    WAWebContactStatusBridge: {
      getStatus: async () => ({ status: '' }),
      setMyStatus: async () => undefined,
    },
    WAWebSetPushnameConnAction: { setPushname: async (name: string) => socket.query('pushname', { name }) },
  });
}

function asUser(wid: Wid): Wid {
  if (!wid.isUser()) throw new Error(`wid error: ${wid._serialized} is not a user`);
  return wid;
}

export function vcardOf(name: string, pn: string): string {
  const lines = ['BEGIN:VCARD', 'VERSION:3.0', `N:;${name};;;`, `FN:${name}`];
  return [...lines, `TEL;type=CELL;type=VOICE;waid=${pn}:+${pn}`, 'END:VCARD'].join('\n');
}

type ParsedVcard = { readonly name: string };

function parseVcard(text: string): ParsedVcard | undefined {
  const name = /^FN:(.+)$/m.exec(text)?.[1];
  return name === undefined ? undefined : { name: name.trim() };
}
