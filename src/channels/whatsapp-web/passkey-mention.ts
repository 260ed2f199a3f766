/**
 * Runs in the page: true if something that can be seen speaks of a passkey, in whatever language, or is named after one
 * in the page's own code, which is not translated (fact A24). A page may well speak of passkeys without demanding one.
 */
export function mentionsPasskey(): boolean {
  // The names that browsers and WhatsApp give it, besides the English one, which many languages have taken over.
  const words =
    /pass-?key|web-?authn|chave de acesso|llave de acceso|clé d.acc[eè]s|clau d.acc[eé]s|toegangssleutel|klucz dostępu|ключ доступа|geçiş anahtarı|kunci sandi|kunci masuk|パスキー|패스키|通行密钥|通行金鑰|密碼金鑰|पासकी|مفتاح المرور|مفتاح مرور|מפתח גישה|mã khoá|พาสคีย์/i;
  const names = ['id', 'data-testid', 'data-icon', 'aria-label', 'href', 'title'];
  const marks = names.flatMap((name) => [`[${name}*="passkey" i]`, `[${name}*="webauthn" i]`]).join(',');
  // biome-ignore lint/performance/useDomNodeTextContent: only what is shown counts.
  if (words.test(document.body?.innerText ?? '')) return true;
  return [...document.querySelectorAll(marks)].some((element) => element.getClientRects().length > 0);
}
