import type { SessionAlert } from './account.ts';
import { REASONS, type ReasonCode } from './reason.ts';

/** What a person who is alerted is told. */
export function alertText(kind: SessionAlert['kind'], reason: ReasonCode): string {
  const { text } = REASONS[reason];
  return kind === 'flapping' ? `The session connects and falls again, time after time: ${text}` : text;
}
