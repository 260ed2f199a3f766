/**
 * What sealing, opening and destroying a session consist of, in their order. A crash after any of them must cost
 * neither the link nor leave half a session; the tests kill the process at each.
 */
export const VAULT_STEPS = [
  // A snapshot, from the marking of the opened profile to the removal of old generations.
  'profile-marked',
  'profile-frozen',
  'profile-copied',
  'snapshot-begun',
  'snapshot-written',
  'snapshot-synced',
  'snapshot-renamed',
  'snapshot-on-disk',
  'profile-removed',
  'snapshot-indexed',
  'snapshot-copied',
  'snapshot-backed-up',
  'copies-pruned',
  'snapshots-pruned',
  // Opening one.
  'opening-begun',
  'opening-unpacked',
  'opening-checked',
  'opening-cleared',
  'opening-moved',
  // Destroying a vault.
  'wipe-marked',
  'wipe-profile-removed',
  'wipe-disk-removed',
  'wipe-copies-removed',
  'wipe-done',
] as const;

export type VaultStep = (typeof VAULT_STEPS)[number];
