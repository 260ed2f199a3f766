import { existsSync, readFileSync, rmSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { findMachineBrowser } from '../../scripts/machine-browser.ts';

/** The browser of this machine behind a script that notes when it was started, and ends at once when it is told to. */
export class MoodyBrowser {
  readonly path: string;
  readonly #refusal: string;
  readonly #starts: string;

  private constructor(folder: string, behind: string) {
    // The name tells the daemon what kind of browser it is.
    this.path = join(folder, `moody-${basename(behind)}`);
    this.#refusal = join(folder, 'refuse');
    this.#starts = join(folder, 'starts');
  }

  static async write(folder: string): Promise<MoodyBrowser> {
    const { executablePath } = findMachineBrowser();
    const browser = new MoodyBrowser(folder, executablePath);
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
