import { expect, it } from 'vitest';
import { findCallerFolder } from '../../../src/cli/caller-folder.ts';

it.each([
  ['the folder itself, where nobody changed it', {}, '/clone'],
  [
    'what the switchboard command says',
    { SWITCHBOARD_CALLER_FOLDER: '/home/me', INIT_CWD: '/app' },
    '/home/me',
  ],
  ['what npm run cli says', { npm_lifecycle_event: 'cli', INIT_CWD: '/clone/docs' }, '/clone/docs'],
  ["not what another script of npm's says", { npm_lifecycle_event: 'backup', INIT_CWD: '/app' }, '/clone'],
])('is %s', (_whose, env, folder) => {
  expect(findCallerFolder(env, '/clone')).toBe(folder);
});
