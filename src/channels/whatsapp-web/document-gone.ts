/** What puppeteer says when the document that it spoke to has gone: the page navigated, or it is no more. */
const DOCUMENT_GONE =
  /context was destroyed|Cannot find context|navigated or closed|detached|(?:Target|Session|Connection) closed/i;

/** True if the error says only that the document, the page or the browser which was spoken to has gone. */
export function isDocumentGone(error: Error): boolean {
  return DOCUMENT_GONE.test(error.message);
}
