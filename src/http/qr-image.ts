import { create, toBuffer, toString as toText } from 'qrcode';

/** Pixels of the PNG's edge, and light modules around the code, which scanners need. */
const WIDTH = 320;
const MARGIN = 4;
const OPTIONS = { errorCorrectionLevel: 'L', margin: MARGIN } as const;

export async function qrToPng(qr: string): Promise<Buffer> {
  return toBuffer(qr, { ...OPTIONS, width: WIDTH, type: 'png' });
}

export async function qrToDataUrl(qr: string): Promise<string> {
  return `data:image/png;base64,${(await qrToPng(qr)).toString('base64')}`;
}

export async function qrToSvg(qr: string): Promise<string> {
  return toText(qr, { ...OPTIONS, type: 'svg' });
}

/**
 * The code for a terminal, two modules a character. Light modules are drawn and dark ones left out, so that it can
 * be scanned from a dark terminal.
 */
export function qrToTerminal(qr: string): string {
  const { modules } = create(qr, { errorCorrectionLevel: 'L' });
  const { size } = modules;
  const isLight = (row: number, column: number) =>
    row < 0 || column < 0 || row >= size || column >= size || modules.get(row, column) === 0;
  const lines: string[] = [];
  for (let row = -MARGIN; row < size + MARGIN; row += 2) {
    let line = '';
    for (let column = -MARGIN; column < size + MARGIN; column += 1) {
      const upper = isLight(row, column);
      const lower = row + 1 < size + MARGIN && isLight(row + 1, column);
      line += upper ? (lower ? '█' : '▀') : lower ? '▄' : ' ';
    }
    lines.push(line);
  }
  return `${lines.join('\n')}\n`;
}
