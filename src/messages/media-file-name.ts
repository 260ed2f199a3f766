import { percentToText } from '../lib/percent-text.ts';

/** File systems of today take 255 bytes; the recipient's phone shows far less. */
const MAX_LENGTH = 200;

/** A file name from outside without folders and control characters; null if nothing is left. */
export function parseFileName(raw: string | null | undefined): string | null {
  const last = (raw ?? '').split(/[\\/]/).at(-1) ?? '';
  const name = last.replace(/\p{Cc}/gu, '').trim();
  if (name === '' || name === '.' || name === '..') return null;
  return name.length <= MAX_LENGTH ? name : shorten(name);
}

/** The file name that an HTTP answer gives, by its Content-Disposition header or else its address; null if none. */
export function responseToFileName(disposition: string | undefined, url: URL): string | null {
  return parseFileName(dispositionToName(disposition ?? '')) ?? parseFileName(percentToText(url.pathname));
}

function dispositionToName(header: string): string | null {
  const extended = /;\s*filename\*\s*=\s*utf-8'[^']*'([^;\s]+)/i.exec(header)?.[1];
  if (extended !== undefined) return percentToText(extended);
  const quoted = /;\s*filename\s*=\s*"((?:[^"\\]|\\.)*)"/i.exec(header)?.[1];
  if (quoted !== undefined) return quoted.replace(/\\(.)/g, '$1');
  return /;\s*filename\s*=\s*([^;\s"]+)/i.exec(header)?.[1] ?? null;
}

/** Keeps the extension, since phones choose the program by it. */
function shorten(name: string): string {
  const extension = /\.[^.]{1,16}$/.exec(name)?.[0] ?? '';
  return name.slice(0, MAX_LENGTH - extension.length) + extension;
}
