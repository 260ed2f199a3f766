import qrcode from 'qrcode-terminal';
import { accountName, clearLines, textToCell } from './terminal-text.ts';

/** What waits for a scan: an account's QR text, or null once it is used or has expired. */
export interface QrShown {
  readonly id: string;
  readonly name: string | null;
  readonly qr: string | null;
}

/** Shows the QR codes of accounts in a terminal, one below the other. */
export interface TerminalQrView {
  /**
   * Draws the account's QR code if it is a new one. One that is gone is taken away where codes are shown in place; what
   * became of it is for others to say.
   */
  show(shown: QrShown): void;
  /** Writes the code that the account's user types on the phone; null once it is used or has expired. */
  showPairingCode(shown: PairingCodeShown): void;
}

export interface PairingCodeShown {
  readonly id: string;
  readonly name: string | null;
  readonly code: string | null;
}

export interface TerminalQrViewOptions {
  write(text: string): void;
  readonly isTty: boolean;
  /**
   * Nothing else writes to this terminal while a code is shown, so that a new one can take its place. Where a log is
   * written beside it, or into a file, codes follow one another.
   */
  readonly inPlace?: boolean;
}

/** Every line fits into 80 columns: one that wraps would be counted wrongly when it is drawn over. */
const HOW_TO_SCAN = 'On the phone: WhatsApp > Settings > Linked devices > Link a device.';
const HOW_TO_TYPE = `${HOW_TO_SCAN}\nThere: Link with phone number instead.`;
/** Characters of a code that is typed, with what stands between them. */
const MAX_CODE = 40;

/** The QR code of `text` in characters, light on dark, ending with a line break. Small: two modules a character. */
export function drawQr(text: string, options: { readonly small: boolean }): string {
  let drawing = '';
  // It calls back before it returns.
  qrcode.generate(text, options, (drawn) => {
    drawing = drawn;
  });
  return `${drawing.trimEnd()}\n`;
}

/** A view that remembers which codes it drew, so that it can be told the same one again. */
export function makeTerminalQrView({ write, isTty, inPlace = false }: TerminalQrViewOptions): TerminalQrView {
  const drawn = new Map<string, string>();
  let last: { readonly id: string; readonly lines: number } | undefined;

  function draw({ id, name }: QrShown, qr: string): void {
    put(
      id,
      qr,
      `\n${accountName(id, name)}: scan this code.\n${HOW_TO_SCAN}\n\n${drawQr(qr, { small: true })}\n`,
    );
  }

  function put(id: string, code: string, block: string): void {
    const covered = isTty && inPlace && last?.id === id ? clearLines(last.lines) : '';
    write(covered + block);
    drawn.set(id, code);
    last = { id, lines: block.split('\n').length - 1 };
  }

  function forget(id: string): void {
    if (isTty && inPlace && last?.id === id) write(clearLines(last.lines));
    drawn.delete(id);
    last = undefined;
  }

  return {
    show(shown) {
      const { id, qr } = shown;
      if (drawn.get(id) === (qr ?? undefined)) return;
      if (qr === null) forget(id);
      else draw(shown, qr);
    },
    showPairingCode({ id, name, code }) {
      if (drawn.get(id) === (code ?? undefined)) return;
      if (code === null) forget(id);
      else
        put(
          id,
          code,
          `\n${accountName(id, name)}: type this code.\n${HOW_TO_TYPE}\n\n${drawPairingCode(code)}\n`,
        );
    },
  };
}

/** `ABCD1234` as the phone shows its field for it, `ABCD-1234`, and in a frame. */
function drawPairingCode(code: string): string {
  const text = textToCell(code.length === 8 ? `${code.slice(0, 4)}-${code.slice(4)}` : code, MAX_CODE);
  const line = '─'.repeat(text.length + 6);
  return `   ┌${line}┐\n   │   ${text}   │\n   └${line}┘\n`;
}
