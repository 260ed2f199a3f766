import { expect, it } from 'vitest';
import type { RealtimePayloads as ToldPayloads } from '../../../src/client/client.ts';
import type { RealtimePayloads as SentPayloads } from '../../../src/http/realtime-event.ts';

/** As it is sent: what is undefined is not there. */
type Json<T> = T extends object ? { [Name in keyof T]: Json<Exclude<T[Name], undefined>> } : T;

/** The events that the client's types do not tell, or tell otherwise than the server sends them, and fields that they lack. */
type Untold = {
  [Name in keyof SentPayloads]: Name extends keyof ToldPayloads
    ? Json<SentPayloads[Name]> extends ToldPayloads[Name]
      ? Exclude<keyof SentPayloads[Name], keyof ToldPayloads[Name]>
      : Name
    : Name;
}[keyof SentPayloads];

it('every event that the server sends has its type in the client (the compiler says it)', () => {
  const none: [Untold] extends [never] ? 'none' : Untold = 'none';
  expect(none).toBe('none');
});
