/** What the page asks of whoever looks at it: dialogs in the document, as WhatsApp Web shows them. */
import type { PasskeyLook } from '../protocol.ts';
import { findPageFault, takePageFault } from './dialect.ts';

function show(id: string, text: string): HTMLElement {
  const element = document.createElement('div');
  element.id = id;
  element.textContent = text;
  document.body.append(element);
  return element;
}

function dialog(id: string, text: string): HTMLElement {
  const element = show(id, text);
  element.setAttribute('role', 'dialog');
  element.setAttribute('data-testid', id);
  return element;
}

const PASSKEY_PROMPT = 'Use your passkey to link this device';

/** The element that shows a demand has this id, unless that would tell what it is. */
const PROMPT = 'link-prompt';
const LOGIN_SCREEN = 'login-screen';

/** Shows or withdraws the demand for a passkey; while it stands the link cannot be completed. */
export function showPasskeyPrompt(look: PasskeyLook | null): void {
  for (const id of ['passkey-prompt', PROMPT]) document.getElementById(id)?.remove();
  if (look === 'demand' || look === 'dialog') dialog('passkey-prompt', PASSKEY_PROMPT);
  if (look === 'element') show(PROMPT, PASSKEY_PROMPT);
  if (look === 'language') show(PROMPT, 'Use sua chave de acesso para conectar este dispositivo');
  if (look !== 'demand' && look !== 'webauthn') return;
  const publicKey = { challenge: crypto.getRandomValues(new Uint8Array(32)), rpId: location.hostname };
  // Whoever drives the page may answer or watch this call; here nobody holds the key.
  navigator.credentials?.get({ publicKey }).catch(() => undefined);
}

let loginScreen: ReturnType<typeof setTimeout> | undefined;

/** The log-in screen is empty, unless the fault has it speak of passkeys, without demanding one. */
export function drawLoginScreen(): void {
  const hint = findPageFault('login-screen', 'passkey-hint');
  if (!hint || loginScreen !== undefined) return;
  loginScreen = setTimeout(() => {
    show(LOGIN_SCREEN, 'Scan the QR code to log in. Next time you can use a passkey.');
    takePageFault('login-screen', 'passkey-hint');
  }, hint.delayMs);
}

export function hideLoginScreen(): void {
  clearTimeout(loginScreen);
  document.getElementById(LOGIN_SCREEN)?.remove();
}

/** The "What's new" dialog of a fresh link. */
class WhatsNew {
  #element: HTMLElement | undefined;
  #seen: (() => Promise<void>) | undefined;

  show(seen: () => Promise<void>): void {
    this.#element?.remove();
    this.#element = dialog('whats-new', 'What’s new on WhatsApp Web');
    this.#seen = seen;
  }

  get isOpen(): boolean {
    return this.#element !== undefined;
  }

  acknowledge(): void {
    this.#element?.remove();
    this.#element = undefined;
    void this.#seen?.();
    this.#seen = undefined;
  }
}

export const whatsNew = new WhatsNew();
