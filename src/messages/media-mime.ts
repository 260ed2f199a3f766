/** What is said of bytes that nobody knows anything about. */
export const UNKNOWN_MIME_TYPE = 'application/octet-stream';

/** Printable ASCII alone, since it becomes a header when the file is handed out. */
const MIME_TYPE =
  /^[a-z0-9][\w.+-]{0,126}\/[a-z0-9][\w.+-]{0,126}(?:\s*;\s*[\w.-]+=(?:[\w.,+-]+|"[ !#-~]*"))*$/i;

/** Other names for the same format; the right-hand side is what WhatsApp itself uses. */
const ALIASES: Readonly<Record<string, string>> = {
  'image/jpg': 'image/jpeg',
  'image/pjpeg': 'image/jpeg',
  'image/x-png': 'image/png',
  'image/apng': 'image/png',
  'video/3gp': 'video/3gpp',
  'video/x-m4v': 'video/mp4',
  'audio/m4a': 'audio/mp4',
  'audio/x-m4a': 'audio/mp4',
  'audio/mp3': 'audio/mpeg',
  'audio/x-mp3': 'audio/mpeg',
  'audio/x-mpeg': 'audio/mpeg',
  'audio/x-aac': 'audio/aac',
  'audio/aacp': 'audio/aac',
  'audio/x-ogg': 'audio/ogg',
  'audio/opus': 'audio/ogg',
  'audio/x-amr': 'audio/amr',
};

/** Containers whose magic says less than the sender may know: sniffed type → the declared types that refine it. */
const REFINEMENTS: Readonly<Record<string, RegExp>> = {
  'application/zip': /^application\/(?!octet-stream)/,
  'application/x-cfb': /^application\/(?!octet-stream)/,
  'application/xml': /^text\/|\+xml$/,
  'application/ogg': /^(?:audio|video)\/ogg$/,
  'video/mp4': /^audio\/(?:mp4|aac)$/,
  'video/3gpp': /^audio\/3gpp$/,
  'video/webm': /^audio\/webm$/,
};

/** The type without parameters, in lower case and by its usual name; undefined if the text is no MIME type. */
export function parseMimeType(raw: string | null | undefined): string | undefined {
  const text = raw?.trim() ?? '';
  if (!MIME_TYPE.test(text)) return undefined;
  const base = (text.split(';', 1)[0] ?? '').trim().toLowerCase();
  return ALIASES[base] ?? base;
}

/**
 * The type to record: what the bytes say, unless they only name a container that the declared type refines; else
 * the declared one (text has no magic), else `application/octet-stream`. Parameters are kept (`; codecs=opus`).
 */
export function chooseMimeType(
  sniffed: string | null | undefined,
  declared: string | null | undefined,
): string {
  const sniffedBase = parseMimeType(sniffed);
  const declaredBase = parseMimeType(declared);
  if (sniffedBase === undefined || sniffed === null || sniffed === undefined) {
    return declaredBase === undefined ? UNKNOWN_MIME_TYPE : withParameters(declaredBase, declared);
  }
  if (declaredBase !== undefined && REFINEMENTS[sniffedBase]?.test(declaredBase)) {
    return sniffedBase === 'video/mp4' ? 'audio/mp4' : withParameters(declaredBase, declared);
  }
  return withParameters(sniffedBase, sniffed);
}

function withParameters(base: string, raw: string | null | undefined): string {
  const parameters = (raw ?? '').split(';').slice(1);
  return [base, ...parameters.map((parameter) => parameter.trim())].join('; ');
}
