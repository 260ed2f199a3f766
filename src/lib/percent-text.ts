/** Percent-decoding that leaves a malformed text as it is. */
export function percentToText(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch (thrown) {
    if (thrown instanceof URIError) return text;
    throw thrown;
  }
}
