import { describe, expect, test } from 'vitest';
import { socketFolderPath } from '../../../src/embedded/socket-folder.ts';

/** The kernel's limit for the path of a Unix socket. */
const MAX_SOCKET_PATH_BYTES = 107;

describe('the folder for sockets', () => {
  test('is the same for the same data folder and server, and another for others', () => {
    const path = socketFolderPath('/srv/a', 'redis', '/tmp');
    expect(socketFolderPath('/srv/a', 'redis', '/tmp')).toBe(path);
    expect(socketFolderPath('/srv/b', 'redis', '/tmp')).not.toBe(path);
    expect(socketFolderPath('/srv/a', 'postgres', '/tmp')).not.toBe(path);
  });

  test.each(['/tmp', `/${'long/'.repeat(15)}`, `/${'ü'.repeat(60)}`])(
    'leaves room for a socket, with temporary files under %s',
    (temporary) => {
      const path = socketFolderPath(`/${'deep/'.repeat(100)}`, 'postgres', temporary);
      expect(Buffer.byteLength(`${path}/.s.PGSQL.5432.lock`)).toBeLessThanOrEqual(MAX_SOCKET_PATH_BYTES);
      const browsers = socketFolderPath(`/${'deep/'.repeat(100)}`, 'browsers', temporary);
      const singleton = `${browsers}/browser-abcdef/org.chromium.Chromium.abcdef/SingletonSocket`;
      expect(Buffer.byteLength(singleton)).toBeLessThanOrEqual(MAX_SOCKET_PATH_BYTES);
    },
  );
});
