import type { IncomingMessage } from 'node:http';
import { Rejection } from './network/rejection.ts';

/** Larger than any file WhatsApp takes, in base64. */
const MAX_BYTES = 160 * 1024 * 1024;

/** The whole body of a request; rejects what is too large. */
export async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MAX_BYTES) throw new Rejection(413, `the body is larger than ${MAX_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
