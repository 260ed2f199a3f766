import { execFile } from 'node:child_process';
import { symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Manifests, readManifests, TYPES } from '../../support/kubernetes-manifests.ts';
import { openTemporaryFolder } from '../../support/temporary-folder.ts';

const ROOT = join(import.meta.dirname, '../../..');
const stack = new AsyncDisposableStack();
let folder: string;

beforeAll(async () => {
  folder = stack.use(await openTemporaryFolder()).path;
  await symlink(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
  await writeFile(join(folder, 'package.json'), '{"type":"module"}');
});
afterAll(() => stack.disposeAsync());

/** What the compiler says against manifests as literals of their types: it knows every field, and refuses others. */
async function findTypeErrors(manifests: Manifests): Promise<string> {
  const lines = Object.entries(TYPES).flatMap(([name, [module, type]]) => [
    `import type { ${type} as ${name}Type } from '${module}';`,
    `export const ${name}: ${name}Type = ${JSON.stringify(manifests[name as keyof Manifests])};`,
  ]);
  const file = join(folder, 'manifests.ts');
  await writeFile(file, lines.join('\n'));
  const options = ['--noEmit', '--strict', '--skipLibCheck', '--module', 'nodenext', '--target', 'es2024'];
  const { promise, resolve } = Promise.withResolvers<string>();
  const tsc = join(ROOT, 'node_modules', '.bin', 'tsc');
  execFile(tsc, [...options, '--types', '', file], { cwd: folder }, (error, output) =>
    resolve(error === null ? '' : output || error.message),
  );
  return promise;
}

describe('the manifests', () => {
  it('have no field that Kubernetes does not know, and none of another type', async () => {
    expect(await findTypeErrors(readManifests())).toBe('');
  });

  it.each<[string, (manifests: Manifests) => void, string]>([
    [
      'a field of a container is misspelt',
      ({ statefulSet }) => {
        const [container] = statefulSet.spec?.template.spec?.containers ?? [];
        Object.assign(container ?? {}, { livenesProbe: {} });
      },
      'livenesProbe',
    ],
    [
      'a field stands at the wrong place',
      ({ statefulSet }) => void Object.assign(statefulSet.spec ?? {}, { terminationGracePeriodSeconds: 60 }),
      'terminationGracePeriodSeconds',
    ],
    [
      'a value is of another type',
      ({ podDisruptionBudget }) => void Object.assign(podDisruptionBudget.spec ?? {}, { maxUnavailable: {} }),
      'IIntOrString',
    ],
    [
      'a field of a policy is misspelt',
      ({ networkPolicy }) => void Object.assign(networkPolicy.spec ?? {}, { egres: [] }),
      'egres',
    ],
  ])('are refused if %s', async (_, change, named) => {
    const manifests = readManifests();
    change(manifests);
    expect(await findTypeErrors(manifests)).toContain(named);
  });
});
