import { parseFileName } from '../messages/media-file-name.ts';

/**
 * `attachment` with the name in both forms: plain ASCII for old clients, and UTF-8 for all others. What could end
 * the header or name a folder is taken out.
 */
export function toContentDisposition(fileName: string | null, fallback: string): string {
  // Format characters could turn the reading direction and so hide the extension.
  const visible = fileName?.toWellFormed().replace(/\p{Cf}/gu, '');
  const name = parseFileName(visible) ?? fallback;
  const ascii = name.replace(/[^\x20-\x7e]/g, '_').replace(/["\\%]/g, '_');
  const encoded = encodeURIComponent(name).replace(
    /['()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  return `attachment; filename="${ascii}"; filename*=UTF-8''${encoded}`;
}
