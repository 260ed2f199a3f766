import { z } from 'zod';
import type { Attributes } from '../protocol.ts';
import { mediaAttrs, type StoredFile } from './media-store.ts';
import type { Network } from './network.ts';
import { Rejection } from './rejection.ts';

/** `ptv` is a round video, `product` a picture that is of a kind of its own. */
const MEDIA_KINDS = [
  ...(['image', 'video', 'audio', 'ptt', 'document', 'sticker'] as const),
  ...(['ptv', 'product'] as const),
] as const;

/** What a phone can send. Exactly one of text, media, location, contacts and poll. */
export const contentSchema = z
  .object({
    text: z.string().max(65_536).optional(),
    media: z
      .object({
        /** base64; or else the path of a file that was given to the media server before. */
        data: z.base64().optional(),
        file: z.string().optional(),
        mimetype: z.string().min(3),
        kind: z.enum(MEDIA_KINDS).optional(),
        filename: z.string().optional(),
        caption: z.string().optional(),
        isGif: z.boolean().optional(),
        isViewOnce: z.boolean().optional(),
        duration: z.number().optional(),
      })
      .strict()
      .optional(),
    location: z
      .object({
        latitude: z.number(),
        longitude: z.number(),
        name: z.string().optional(),
        address: z.string().optional(),
      })
      .strict()
      .optional(),
    contacts: z
      .array(z.object({ name: z.string(), number: z.string() }).strict())
      .min(1)
      .optional(),
    poll: z
      .object({ name: z.string(), options: z.array(z.string()).min(2), multiple: z.boolean().optional() })
      .strict()
      .optional(),
    /** The id of the message it answers. */
    quoted: z.string().optional(),
    /** Phones by name or number. */
    mentions: z.array(z.string()).optional(),
    forwarded: z.boolean().optional(),
  })
  .strict();

export type Content = z.infer<typeof contentSchema>;

/** The message a phone makes of it. */
export async function contentToAttrs(network: Network, content: Content): Promise<Attributes> {
  const attrs = await bodyOf(network, content);
  if (content.forwarded) Object.assign(attrs, { isForwarded: true, forwardingScore: 1 });
  if (content.mentions)
    attrs.mentions = content.mentions.map((name) => network.directory.getAccount(name).pn);
  if (content.quoted !== undefined) attrs.quoted = quote(network, content.quoted);
  return attrs;
}

async function bodyOf(network: Network, content: Content): Promise<Attributes> {
  const given = [content.text, content.media, content.location, content.contacts, content.poll];
  if (given.filter((each) => each !== undefined).length !== 1) {
    throw new Rejection(400, 'give exactly one of text, media, location, contacts, poll');
  }
  if (content.media) return mediaBody(network, content.media);
  if (content.location) {
    const { latitude, longitude, name, address } = content.location;
    const loc = [name, address].filter((each) => each !== undefined).join('\n');
    return { type: 'location', lat: latitude, lng: longitude, ...(loc === '' ? {} : { loc }) };
  }
  if (content.contacts) return contactsBody(content.contacts);
  if (content.poll) {
    const { name, options, multiple } = content.poll;
    return {
      type: 'poll_creation',
      kind: 'pollCreation',
      pollName: name,
      pollOptions: options.map((option, localId) => ({ name: option, localId })),
      pollSelectableOptionsCount: multiple ? 0 : 1,
    };
  }
  return { type: 'chat', body: content.text ?? '' };
}

async function mediaBody(network: Network, media: NonNullable<Content['media']>): Promise<Attributes> {
  const attrs = mediaAttrs(await storedFile(network, media), media.mimetype);
  const optional = {
    caption: media.caption,
    filename: media.filename,
    isGif: media.isGif,
    isViewOnce: media.isViewOnce,
    duration: media.duration,
  };
  for (const [name, value] of Object.entries(optional)) if (value !== undefined) attrs[name] = value;
  return { type: media.kind ?? kindOf(media.mimetype), ...attrs };
}

async function storedFile(
  network: Network,
  { data, file }: NonNullable<Content['media']>,
): Promise<StoredFile> {
  if ((data === undefined) === (file === undefined))
    throw new Rejection(400, 'give either data or file of a media');
  if (data !== undefined) return network.media.put(Buffer.from(data, 'base64'));
  const found = network.media.find(file ?? '');
  if (!found) throw new Rejection(404, `the media server has no ${file}; give it by POST /media`);
  return found;
}

function kindOf(mimetype: string): (typeof MEDIA_KINDS)[number] {
  const family = mimetype.split('/')[0];
  return family === 'image' || family === 'video' || family === 'audio' ? family : 'document';
}

function contactsBody(contacts: NonNullable<Content['contacts']>): Attributes {
  const cards = contacts.map(({ name, number }) => ({ displayName: name, vcard: vcard(name, number) }));
  const [first] = cards;
  if (cards.length === 1 && first)
    return { type: 'vcard', body: first.vcard, vcardFormattedName: first.displayName };
  return { type: 'multi_vcard', vcardList: cards };
}

function vcard(name: string, number: string): string {
  const phone = `TEL;type=CELL;type=VOICE;waid=${number}:+${number}`;
  return ['BEGIN:VCARD', 'VERSION:3.0', `N:;${name};;;`, `FN:${name}`, phone, 'END:VCARD'].join('\n');
}

function quote(network: Network, id: string): Attributes {
  const entry = network.ledger.find(id);
  if (!entry) throw new Rejection(404, `cannot quote ${id}: the network never carried it`);
  const { type, body, caption } = entry.message.attrs;
  const quoted: Attributes = { id, from: entry.message.from, type };
  if (body !== undefined) quoted.body = body;
  if (caption !== undefined) quoted.caption = caption;
  return quoted;
}
