/** What the page asks of whoever looks at it: dialogs in the document, as WhatsApp Web shows them. */

function dialog(id: string, text: string): HTMLElement {
  const element = document.createElement('div');
  element.id = id;
  element.setAttribute('role', 'dialog');
  element.setAttribute('data-testid', id);
  element.textContent = text;
  document.body.append(element);
  return element;
}

/** Shows or withdraws the demand for a passkey; while it stands the link cannot be completed. */
export function showPasskeyPrompt(needed: boolean): void {
  document.getElementById('passkey-prompt')?.remove();
  if (!needed) return;
  dialog('passkey-prompt', 'Use your passkey to link this device');
  const publicKey = { challenge: crypto.getRandomValues(new Uint8Array(32)), rpId: location.hostname };
  // Whoever drives the page may answer or watch this call; here nobody holds the key.
  navigator.credentials?.get({ publicKey }).catch(() => undefined);
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
