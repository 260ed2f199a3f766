import { z } from 'zod';
import type { CopyReport } from '../vault/copy-reports.ts';

const MIN_PASSPHRASE = 12;
const MAX_PASSPHRASE = 1_024;

/** The passphrase of an exported session. No message repeats it. */
export const passphraseSchema = z
  .string()
  .refine(
    (text) => {
      const { length } = [...text];
      return length >= MIN_PASSPHRASE && length <= MAX_PASSPHRASE;
    },
    { error: 'Use 12 to 1,024 characters.' },
  )
  .meta({
    minLength: MIN_PASSPHRASE,
    maxLength: MAX_PASSPHRASE,
    format: 'password',
    description: 'Whoever has the file can guess for as long as he likes: let a password manager make it.',
    examples: ['a sentence that nobody else would say'],
  });

/** Number of a snapshot within its account. */
export const generationSchema = z
  .int('Expected a whole number.')
  .min(1, 'Generations begin with 1.')
  .meta({ description: 'Number of the snapshot within its account.', examples: [17] });

/** What became of a copy, in the words of the API. */
export const OUTCOMES = [
  'good',
  'damaged',
  'key_missing',
  'unreachable',
  'rotated',
  'current',
  'lost',
] as const;

export const copyReportSchema = z
  .object({
    accountId: z.string(),
    generation: generationSchema,
    source: z.string().meta({
      description: '`disk`, `database` or `s3`; `none` for a session of which no copy is left.',
      examples: ['disk'],
    }),
    keyId: z
      .string()
      .nullable()
      .meta({
        description: 'The encryption key that it needs; null if its head cannot be read.',
        examples: ['3f9c1d20b7a84e65'],
      }),
    bytes: z.int().meta({ description: 'Of its file; 0 if it cannot be read.', examples: [14_680_064] }),
    outcome: z.enum(OUTCOMES).meta({ examples: ['good'] }),
    detail: z.string().nullable().meta({ description: 'What is wrong with it.' }),
  })
  .meta({ id: 'VaultCopy', description: 'What became of one copy of one sealed session.' });

const keyNeedSchema = z
  .object({
    keyId: z
      .string()
      .meta({ description: 'The key that must be kept for them.', examples: ['3f9c1d20b7a84e65'] }),
    instanceId: z
      .string()
      .nullable()
      .meta({ description: 'The instance that holds their accounts.', examples: ['switchboard-2'] }),
    snapshots: z.int().meta({ description: 'How many sealed sessions these are.', examples: [3] }),
  })
  .meta({
    id: 'VaultKeyNeed',
    description: 'Sealed sessions that still need another key than the current one.',
  });

/** A line of the answer of a work on copies. */
export const upkeepLineSchema = z.union([
  z.object({ total: z.int().meta({ description: 'Accounts that are looked at.' }) }),
  copyReportSchema,
  z.object({
    summary: z.object({
      accounts: z.int(),
      copies: z.int(),
      outcomes: z.record(z.enum(OUTCOMES), z.int()).meta({ description: 'How many copies, by outcome.' }),
      otherKeys: z
        .array(keyNeedSchema)
        .optional()
        .meta({
          description: `After a rotation: what still needs another key, of all accounts of all instances that share the
database. Once it is empty, keys before the current one may go.`,
        }),
    }),
  }),
]);

export type CopyReportView = z.output<typeof copyReportSchema>;

/** The copy as the API shows it. */
export function copyReportToView(report: CopyReport): CopyReportView {
  const { accountId, generation, source, keyId, bytes, outcome, detail } = report;
  return { accountId, generation, source, keyId, bytes, outcome, detail };
}
