import type { MediaStore } from '../../src/messages/media-store.ts';

/** Opens every file at a path that is made of its hash, whether or not there is one. */
export const openMedia: MediaStore['openLocal'] = async (sha256) => ({
  path: `/media/${sha256}`,
  [Symbol.asyncDispose]: async () => undefined,
});
