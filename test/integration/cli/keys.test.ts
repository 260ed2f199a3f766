import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCli } from '../../support/cli-process.ts';
import { openTestServer, type TestServer } from '../../support/http-server.ts';
import { openTemporaryFolder, type TemporaryFolder } from '../../support/temporary-folder.ts';

let server: TestServer;
let folder: TemporaryFolder;

beforeAll(async () => {
  server = await openTestServer();
  folder = await openTemporaryFolder();
});
afterAll(async () => {
  await folder[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
});

function run(args: readonly string[], key = server.key) {
  return runCli(args, {
    cwd: folder.path,
    env: { SWITCHBOARD_URL: server.url, SWITCHBOARD_API_KEY: key },
  });
}

describe('keys', () => {
  it('makes a key, lists it without the key, and revokes it by its name', async () => {
    const made = await run(['keys', 'create', 'Orders', '--role', 'agent']);
    expect({ code: made.code, error: made.error }).toEqual({ code: 0, error: '' });
    const [key = ''] = made.out.split('\n');
    expect(key).toMatch(/^sb_/);
    expect(made.out).toContain('Orders (agent). It is shown this once.');
    expect((await server.ask('GET', '/accounts', { key })).status).toBe(200);
    for (const command of [['keys'], ['keys', 'list']]) {
      const { out } = await run(command);
      expect(out).toMatch(/^ID +NAME +BEGINS WITH +ROLE +LAST USED +EXPIRES +INSTANCES/);
      expect(out).toMatch(new RegExp(`Orders +${key.slice(0, 6)} +agent +\\d{4}-.* UTC +never +-`));
      expect(out).not.toContain(key);
    }
    const revoked = await run(['keys', 'revoke', 'Orders']);
    expect(revoked.out).toMatch(/^Revoked: key [\da-f-]{36}\.\n$/);
    expect((await server.ask('GET', '/accounts', { key })).status).toBe(401);
    expect((await run(['keys', 'revoke', 'Orders'])).code).toBe(5);
  });

  it('warns of a name that is taken, beside the key', async () => {
    const args = ['keys', 'create', 'Same', '--role', 'viewer', '--json'];
    expect((await run(args)).error).toBe('');
    const second = await run(args);
    expect([second.code, JSON.parse(second.out).name]).toEqual([0, 'Same']);
    expect(second.error).toMatch(/^Another key is called Same too: .*npm run cli -- keys\)\.\n$/);
  });

  it('makes one that is narrowed and expires, as JSON', async () => {
    const expires = '2100-01-31T08:00:00.000Z';
    const args = ['--role', 'admin', '--scope', 'whatsapp:read', 'whatsapp:send', '--expires', expires];
    const { out } = await run(['keys', 'create', 'Narrow', ...args, '--json']);
    const made = JSON.parse(out);
    expect(made).toMatchObject({ scopes: ['whatsapp:read', 'whatsapp:send'], expiresAt: expires });
    const listed = JSON.parse((await run(['keys', '--json'])).out);
    expect(listed.find(({ id }: { id: string }) => id === made.id)).toMatchObject({ name: 'Narrow' });
    expect((await run(['keys'])).out).toContain('admin: whatsapp:read whatsapp:send');
    const revoked = await run(['keys', 'revoke', made.id, '--json']);
    expect(JSON.parse(revoked.out)).toEqual({ keyId: made.id, revoked: true });
  });

  it('says what was typed wrong, and which of several is meant by a name', async () => {
    const wrong = await run(['keys', 'create', 'A', '--role', 'root', '--scope', 'all']);
    expect(wrong.code).toBe(2);
    expect(wrong.error).toMatch(/--role: Use one of: owner, .*\n.*--scope: Use one of: whatsapp:read, /);
    const late = await run(['keys', 'create', 'A', '--role', 'agent', '--expires', '2020-01-01']);
    expect([late.code, late.error]).toEqual([
      2,
      expect.stringContaining('--expires: Use an instant to come.'),
    ]);
    expect((await run(['keys', 'create', 'A'])).code).toBe(2);
    for (let nth = 0; nth < 2; nth += 1) {
      await server.ask('POST', '/keys', { body: { name: 'Twice', role: 'viewer' } });
    }
    const { code, error } = await run(['keys', 'revoke', 'Twice']);
    expect([code, error]).toEqual([2, expect.stringContaining('Several keys are called "Twice"')]);
  });

  it('is refused to keys that may not manage, and for the last owner key', async () => {
    const viewer = await server.makeKey('viewer');
    const refused = await run(['keys'], viewer);
    expect(refused).toMatchObject({ code: 4, error: expect.stringMatching(/whatsapp:manage.*owner, admin/) });
    expect((await run(['accounts'], viewer)).out).toMatch(/cli -- link "My business"\n.*cli -- grants add /);
    const last = await run(['keys', 'revoke', 'test'], await server.makeKey('owner', 'alone'));
    expect([last.code, last.error]).toEqual([1, expect.stringContaining('Make another owner key first.')]);
  });
});
