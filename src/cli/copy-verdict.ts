import { byteCount, textToLine } from './terminal-text.ts';
import type { VaultCopyView, VaultKeyNeedView } from './vault-api.ts';

/** How an outcome reads, and what a person does about it; null where all is well. */
const OUTCOMES: Readonly<Record<string, { readonly word: string; readonly remedy: string | null }>> = {
  good: { word: 'good', remedy: null },
  rotated: { word: 'wrapped anew', remedy: null },
  current: { word: 'current already', remedy: null },
  damaged: {
    word: 'DAMAGED',
    remedy:
      'A damaged copy is never used: another copy of its generation is, or an older one. If the account is connected, the next snapshots replace it.',
  },
  key_missing: {
    word: 'KEY MISSING',
    remedy: 'Add the keys that are named to ENCRYPTION_KEY_PREVIOUS and start the daemon again.',
  },
  lost: {
    word: 'LOST',
    remedy:
      'A lost session has no copy any more: an older one is used in its place. If a disk or a backup is missing, bring it back before the account is started.',
  },
  unreachable: {
    word: 'UNREACHABLE',
    remedy: 'What cannot be reached is to be brought back first: the disk, the database, or S3.',
  },
};

/** A copy in a line of the terminal. */
export function describeCopy({
  accountId,
  generation,
  source,
  keyId,
  bytes,
  outcome,
  detail,
}: VaultCopyView): string {
  const words = [
    textToLine(accountId),
    `generation ${generation}`,
    textToLine(source).padEnd(8),
    OUTCOMES[outcome]?.word ?? textToLine(outcome),
    ...(bytes > 0 ? [byteCount(bytes)] : []),
    ...(keyId === null ? [] : [`key ${textToLine(keyId)}`]),
  ];
  return words.join('  ') + (detail === null ? '' : `: ${textToLine(detail)}`);
}

/** True if nothing is to be done about it; an outcome that only a newer daemon knows is not. */
export function isWell({ outcome }: Pick<VaultCopyView, 'outcome'>): boolean {
  return OUTCOMES[outcome]?.remedy === null;
}

/** What is wrong with so many copies, and what to do about it. */
export function describeBad(copies: number, bad: readonly VaultCopyView[]): string {
  const kinds = [...new Set(bad.map(({ outcome }) => outcome))];
  const counts = kinds.map((kind) => {
    const count = bad.filter(({ outcome }) => outcome === kind).length;
    return `${count} ${kind.replaceAll('_', ' ')}`;
  });
  const remedies = kinds.flatMap((kind) => OUTCOMES[kind]?.remedy ?? []);
  return [`${bad.length} of ${copies} copies are not good: ${counts.join(', ')}.`, ...remedies].join(' ');
}

/** Whether old keys may go, in lines of the terminal. */
export function describeKeyNeeds(needs: readonly VaultKeyNeedView[]): string {
  if (needs.length === 0)
    return 'No sealed session needs an old key any more: the old keys can be taken out.\n';
  const lines = needs.map(({ keyId, instanceId, snapshots }) => {
    const count = snapshots === 1 ? '1 sealed session' : `${snapshots} sealed sessions`;
    const holder = instanceId === null ? 'no instance' : `the instance ${textToLine(instanceId)}`;
    return `  ${count} held by ${holder}: key ${textToLine(keyId)}\n`;
  });
  return `KEEP THE OLD KEYS. They are still needed by\n${lines.join('')}Run \`vault rotate\`, without an account, at each of these instances.\n`;
}
