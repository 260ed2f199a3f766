import { existsSync, readFileSync, rmSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { findBrowser } from '../../src/channels/whatsapp-web/browser.ts';

/** The browser of this machine behind a script that notes when it was started, and ends at once when it is told to. */
export class MoodyBrowser {
  readonly path: string;
  readonly #refusal: string;
  readonly #starts: string;

  private constructor(folder: string) {
    // The name tells the daemon what kind of browser it is.
    this.path = join(folder, 'moody-headless-shell');
    this.#refusal = join(folder, 'refuse');
    this.#starts = join(folder, 'starts');
  }

  static async write(folder: string): Promise<MoodyBrowser> {
    const browser = new MoodyBrowser(folder);
    const { executablePath } = findBrowser({
      executablePath: process.env.PUPPETEER_EXECUTABLE_PATH || null,
      headless: 'shell',
      extraArgs: [],
    });
    const script = [
      '#!/bin/sh',
      `date +%s.%N >> '${browser.#starts}'`,
      `[ -e '${browser.#refusal}' ] && exit 1`,
      `exec '${executablePath}' "$@"`,
    ];
    await writeFile(browser.path, `${script.join('\n')}\n`, { mode: 0o755 });
    return browser;
  }

  /** From now on no start succeeds, until `allow`. */
  async refuse(): Promise<void> {
    await writeFile(this.#refusal, '');
  }

  allow(): void {
    rmSync(this.#refusal);
  }

  /** When it was started since then, in milliseconds since the epoch, oldest first. */
  startsSince(at: number): number[] {
    if (!existsSync(this.#starts)) return [];
    const lines = readFileSync(this.#starts, 'utf8').trim().split('\n');
    return lines.map((line) => Number(line) * 1_000).filter((startedAt) => startedAt >= at);
  }
}
