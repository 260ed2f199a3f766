import { create } from 'qrcode';
import { describe, expect, it } from 'vitest';
import { drawQr, makeTerminalQrView } from '../../../src/cli/qr-view.ts';

const QR = `2@${'Ab1/'.repeat(50)},${'x'.repeat(44)}=,1`;

/** The drawing as dark and light modules, without the light frame. */
function readModules(drawing: string): readonly string[] {
  const rows = drawing
    .trimEnd()
    .split('\n')
    .flatMap((line) => [
      [...line].map((char) => ('█▀'.includes(char) ? ' ' : '#')).join(''),
      [...line].map((char) => ('█▄'.includes(char) ? ' ' : '#')).join(''),
    ]);
  const size = (rows[0]?.length ?? 0) - 2;
  return rows.slice(2, 2 + size).map((row) => row.slice(1, 1 + size));
}

describe('drawQr', () => {
  it('draws all modules of the code, two in a character', () => {
    const modules = readModules(drawQr(QR, { small: true }));
    const { size } = create(QR, { errorCorrectionLevel: 'L' }).modules;
    expect(modules).toHaveLength(size);
    const finder = ['#######', '#     #', '# ### #', '# ### #', '# ### #', '#     #', '#######'];
    expect(modules.slice(0, 7).map((row) => row.slice(0, 7))).toEqual(finder);
    expect(modules.slice(0, 7).map((row) => row.slice(-7))).toEqual(finder);
    expect(modules.slice(-7).map((row) => row.slice(0, 7))).toEqual(finder);
  });

  it('draws another text otherwise, and a large code with colours', () => {
    expect(drawQr(QR, { small: true })).not.toBe(drawQr(`${QR}2`, { small: true }));
    expect(drawQr(QR, { small: false })).toContain('\x1b[47m');
  });
});

function makeView(options: { readonly isTty: boolean; readonly inPlace?: boolean }) {
  const written: string[] = [];
  const view = makeTerminalQrView({ ...options, write: (text) => void written.push(text) });
  return { written, view };
}

describe('the QR view of a terminal', () => {
  it('names the account, draws its code and leaves it to others to say what became of it', () => {
    const { written, view } = makeView({ isTty: false });
    view.show({ id: 'a', name: 'Shop', qr: 'one' });
    view.show({ id: 'a', name: 'Shop', qr: null });
    expect(written).toHaveLength(1);
    expect(written[0]).toContain('Shop');
    expect(written[0]).toContain(drawQr('one', { small: true }));
  });

  it('draws each code once, and a new one anew', () => {
    const { written, view } = makeView({ isTty: false });
    for (const qr of ['one', 'one', 'two', 'two', null, null, 'two']) view.show({ id: 'a', name: null, qr });
    expect(written).toHaveLength(3);
    expect(written[2]).toBe(written[1]);
  });

  it('moves no cursor where a log is written to the same place', () => {
    for (const options of [{ isTty: false }, { isTty: true }, { isTty: false, inPlace: true }]) {
      const { written, view } = makeView(options);
      view.show({ id: 'a', name: 'Shop', qr: 'one' });
      view.show({ id: 'a', name: 'Shop', qr: 'two' });
      expect(written.join('')).not.toContain('\x1b');
    }
  });

  it('puts a new code over the one before where the terminal is its own', () => {
    const { written, view } = makeView({ isTty: true, inPlace: true });
    view.show({ id: 'a', name: 'Shop', qr: 'one' });
    view.show({ id: 'a', name: 'Shop', qr: 'two' });
    view.show({ id: 'b', name: 'Other', qr: 'three' });
    const lines = (written[0]?.split('\n').length ?? 0) - 1;
    expect(written[1]?.startsWith(`\x1b[${lines}F\x1b[J\nShop`)).toBe(true);
    expect(written[2]?.startsWith('\nOther')).toBe(true);
  });

  it('takes away a code that is used or has expired where the terminal is its own', () => {
    const { written, view } = makeView({ isTty: true, inPlace: true });
    view.show({ id: 'a', name: 'Shop', qr: 'one' });
    const lines = (written[0]?.split('\n').length ?? 0) - 1;
    view.show({ id: 'a', name: 'Shop', qr: null });
    view.show({ id: 'a', name: 'Shop', qr: null });
    view.show({ id: 'a', name: 'Shop', qr: 'two' });
    expect(written.slice(1)).toEqual([`\x1b[${lines}F\x1b[J`, expect.stringMatching(/^\nShop/)]);
  });

  it('fits into 80 columns, so that lines can be counted', () => {
    const { written, view } = makeView({ isTty: true, inPlace: true });
    view.show({ id: 'a', name: 'A name that is too long '.repeat(10), qr: QR });
    view.showPairingCode({ id: 'b', name: 'A name that is too long '.repeat(10), code: 'ABCD1234' });
    for (const line of written.join('').split('\n')) expect(line.length).toBeLessThan(80);
  });

  it('shows a pairing code as the phone does, each once', () => {
    const { written, view } = makeView({ isTty: false });
    for (const code of ['ABCD1234', 'ABCD1234', 'EFGH5678', null, null])
      view.showPairingCode({ id: 'a', name: 'Shop', code });
    expect(written).toHaveLength(2);
    expect(written[0]).toMatch(/^\nShop: type this code\.[\s\S]*│ {3}ABCD-1234 {3}│/);
    expect(written[1]).toContain('EFGH-5678');
  });

  it('puts a new pairing code over the one before where the terminal is its own', () => {
    const { written, view } = makeView({ isTty: true, inPlace: true });
    view.showPairingCode({ id: 'a', name: 'Shop', code: 'ABCD1234' });
    view.showPairingCode({ id: 'a', name: 'Shop', code: 'EFGH5678' });
    const lines = (written[0]?.split('\n').length ?? 0) - 1;
    expect(written[1]?.startsWith(`\x1b[${lines}F\x1b[J\nShop`)).toBe(true);
  });

  it('does not let a name move the cursor', () => {
    const { written, view } = makeView({ isTty: false });
    view.show({ id: 'a', name: 'Shop\x1b[2J\n', qr: 'one' });
    expect(written.join('')).not.toContain('\x1b');
  });
});
