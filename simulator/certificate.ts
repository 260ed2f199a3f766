import { generate } from 'selfsigned';

/** A throw-away certificate for the name that Chromium believes to be talking to. */
export async function makeCertificate(): Promise<{ key: string; cert: string }> {
  const names = [{ name: 'commonName', value: 'web.whatsapp.com' }];
  const made = await generate(names, { keyType: 'ec', algorithm: 'sha256' });
  return { key: made.private, cert: made.cert };
}
