import { expect, it } from 'vitest';
import { LEASE_TERMS } from '../../../src/instances/lease-terms.ts';
import { cutTenure, endTenure, makeTenure } from '../../../src/instances/tenure.ts';

it.each([
  ['others are there', true, false, [5, 14, 17]],
  ['nobody else is there', false, false, [5, 594, 597]],
  ['the database is its own', true, true, [5, Infinity, Infinity]],
])('counts its moments from when the renewal was sent, where %s', (_, hasOthers, isExclusive, seconds) => {
  const { renewAt, stopAt, killAt } = makeTenure(7, { sentAt: 1_000, hasOthers, isExclusive }, LEASE_TERMS);
  expect([renewAt, stopAt, killAt]).toEqual(seconds.map((second) => 1_000 + second * 1_000));
});

it('leaves time for two renewals to fail, and for browsers to close before they are killed', () => {
  const { renewEveryMs, renewDeadlineMs, renewAgainMs, sharedTermMs, stopMarginMs, killMarginMs } =
    LEASE_TERMS;
  const twoFailures = renewEveryMs + 2 * (renewDeadlineMs + renewAgainMs);
  expect(twoFailures).toBeLessThan(sharedTermMs - stopMarginMs);
  expect(killMarginMs).toBeLessThan(stopMarginMs);
});

it('is over at once when it is ended', () => {
  const tenure = makeTenure(7, { sentAt: 0, hasOthers: false, isExclusive: true }, LEASE_TERMS);
  expect(endTenure(tenure).stopAt).toBe(-Infinity);
});

it.each([
  ['long before it would have lapsed', 2_000, 5_000, 8_000],
  ['when its browsers are to be killed anyway', 15_000, 17_000, 20_000],
])(
  'has its browsers killed soon where another ended it %s, and none entered before',
  (_, now, killAt, enterAt) => {
    const tenure = makeTenure(7, { sentAt: 0, hasOthers: true, isExclusive: false }, LEASE_TERMS);
    const cut = cutTenure(tenure, now, LEASE_TERMS);
    expect(cut).toMatchObject({ tenure: { stopAt: -Infinity, killAt }, enterAt });
  },
);

it('waits for nothing where another part of the only instance ended it', () => {
  const tenure = makeTenure(7, { sentAt: 0, hasOthers: false, isExclusive: true }, LEASE_TERMS);
  expect(cutTenure(tenure, 2_000, LEASE_TERMS)).toMatchObject({
    tenure: { killAt: Infinity },
    enterAt: 2_000,
  });
});
