import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  FILES,
  findSchemaProblems,
  listManifestFiles,
  type Manifests,
  readManifest,
  readManifests,
  TYPES,
} from '../../support/kubernetes-manifests.ts';
import { type DaemonFacts, findRuleProblems } from '../../support/kubernetes-rules.ts';

const ROOT = join(import.meta.dirname, '../../..');
const read = (path: string) => readFileSync(join(ROOT, path), 'utf8');

const facts: DaemonFacts = {
  routes: readdirSync(join(ROOT, 'src/http/routes')).flatMap((file) =>
    [...read(`src/http/routes/${file}`).matchAll(/method: 'GET',\s+url: '([^']+)'/g)].map(([, url]) =>
      String(url),
    ),
  ),
  drainDeadlineMs: Number(/DRAIN_DEADLINE_MS = ([\d_]+)/.exec(read('src/main.ts'))?.[1]?.replaceAll('_', '')),
  version: JSON.parse(read('package.json')).version,
};
const pod = ({ statefulSet }: Manifests) => {
  const spec = statefulSet.spec?.template.spec;
  const container = spec?.containers[0];
  if (spec === undefined || container === undefined) throw new Error('There is no container.');
  return { spec, container };
};
const schemas = Object.keys(TYPES) as (keyof typeof TYPES)[];

describe('the manifests', () => {
  it.each(schemas)('are what Kubernetes takes: %s', (name) => {
    expect(findSchemaProblems(readManifests()[name])).toEqual([]);
  });

  it('are what the daemon needs', () => {
    expect(findRuleProblems(readManifests(), facts)).toEqual([]);
  });

  it('are all applied, or named as optional, but for the template of the secret', () => {
    const text = readManifest(FILES.kustomization);
    const named = [...text.matchAll(/^ {2}(?:# )?- ([\w-]+\.yaml)$/gm)].map(([, file]) => String(file));
    const all = Object.values(FILES).filter((file) => file !== FILES.kustomization && file !== FILES.secret);
    expect(named.toSorted()).toEqual(all.toSorted());
    expect(listManifestFiles()).toEqual(Object.values(FILES).toSorted());
    const { resources, namespace } = readManifests().kustomization;
    expect(resources).not.toContain(FILES.secret);
    expect(readManifests().namespace.metadata?.name).toBe(namespace);
    expect(readManifests().secret.metadata?.namespace).toBe(namespace);
  });

  it.each(['.gitignore', '.dockerignore'])('have no secret that %s lets out of the clone', (file) => {
    const patterns = read(file).split('\n');
    expect(patterns.some((pattern) => /^(?:\*\*\/)?secret\*\.yaml$/.test(pattern))).toBe(true);
  });
});

type Change = (manifests: Manifests) => unknown;

describe('a manifest is refused by its schema', () => {
  it.each<[string, keyof typeof TYPES, Change]>([
    [
      'without a selector',
      'statefulSet',
      ({ statefulSet }) => delete (statefulSet.spec as { selector?: unknown }).selector,
    ],
    [
      'whose memory is no quantity',
      'statefulSet',
      (all) => Object.assign(pod(all).container.resources?.limits ?? {}, { memory: '6Gib' }),
    ],
    [
      'whose grace period is a text',
      'statefulSet',
      (all) => Object.assign(pod(all).spec, { terminationGracePeriodSeconds: '60s' }),
    ],
    [
      'whose port is no number',
      'statefulSet',
      (all) => Object.assign(pod(all).container.ports?.[0] ?? {}, { containerPort: 'http' }),
    ],
    [
      'without a target',
      'horizontalPodAutoscaler',
      ({ horizontalPodAutoscaler: { spec } }) => delete (spec as { scaleTargetRef?: unknown }).scaleTargetRef,
    ],
    [
      'of a version that there is not',
      'podDisruptionBudget',
      ({ podDisruptionBudget }) => Object.assign(podDisruptionBudget, { apiVersion: 'policy/v1beta1' }),
    ],
  ])('%s', (_, name, change) => {
    const manifests = readManifests();
    change(manifests);
    expect(findSchemaProblems(manifests[name])).not.toEqual([]);
  });
});

describe('a manifest is refused by our rules', () => {
  it.each<[string, Change]>([
    [
      'WHATSAPP_MAX_CONECTIONS is no variable.',
      ({ configMap }) => Object.assign(configMap.data ?? {}, { WHATSAPP_MAX_CONECTIONS: '1' }),
    ],
    [
      'ENCRYPTION_KEY is a secret.',
      ({ configMap }) => Object.assign(configMap.data ?? {}, { ENCRYPTION_KEY: '' }),
    ],
    [
      'OWNER_API_KEY has a value.',
      ({ secret }) => Object.assign(secret.stringData ?? {}, { OWNER_API_KEY: 'x' }),
    ],
    ['DATABASE_URL is not asked for.', ({ secret }) => delete secret.stringData?.DATABASE_URL],
    ['INSTANCE_ID is not the name of the pod.', (all) => pod(all).container.env?.pop()],
    ['PORT is not the port.', ({ configMap }) => Object.assign(configMap.data ?? {}, { PORT: '8080' })],
    [
      'A service leads elsewhere.',
      ({ service }) => Object.assign(service.spec?.ports?.[0] ?? {}, { targetPort: 80 }),
    ],
    [
      '/healthz is no route.',
      (all) => Object.assign(pod(all).container.startupProbe?.httpGet ?? {}, { path: '/healthz' }),
    ],
    [
      'A daemon whose stores are away would be restarted.',
      (all) => Object.assign(pod(all).container.livenessProbe?.httpGet ?? {}, { path: '/ready' }),
    ],
    [
      'The pod is killed after 35000 ms; a drain may take 35000 ms.',
      (all) => Object.assign(pod(all).spec, { terminationGracePeriodSeconds: 35 }),
    ],
    ['/dev/shm is not memory.', (all) => delete pod(all).spec.volumes?.[0]?.emptyDir?.medium],
    [
      '/dev/shm is too small for the sessions.',
      ({ configMap }) => Object.assign(configMap.data ?? {}, { WHATSAPP_MAX_CONNECTIONS: '16' }),
    ],
    [
      'DATA_PATH is not within the volume.',
      ({ configMap }) => Object.assign(configMap.data ?? {}, { DATA_PATH: '/data' }),
    ],
    [
      'There is no volume cache.',
      (all) => pod(all).container.volumeMounts?.push({ name: 'cache', mountPath: '/cache' }),
    ],
    ['It may run as root.', (all) => delete pod(all).spec.securityContext?.runAsNonRoot],
    [
      'Its root file system can be written.',
      (all) => delete pod(all).container.securityContext?.readOnlyRootFilesystem,
    ],
    ['It gets variables of services.', (all) => delete pod(all).spec.enableServiceLinks],
    [
      'The disruption budget does not mean the pods.',
      ({ podDisruptionBudget }) =>
        Object.assign(podDisruptionBudget.spec?.selector?.matchLabels ?? {}, { app: 'x' }),
    ],
    [
      'The autoscaler scales something else.',
      ({ horizontalPodAutoscaler }) =>
        Object.assign(horizontalPodAutoscaler.spec?.scaleTargetRef ?? {}, { kind: 'Deployment' }),
    ],
    [
      'There would be no room for the sessions of an instance that dies.',
      ({ horizontalPodAutoscaler: { spec } }) => Object.assign(spec ?? {}, { minReplicas: 2 }),
    ],
    [
      'The image is no placeholder.',
      (all) => Object.assign(pod(all).container, { image: 'switchboard:latest' }),
    ],
  ])('%s', (problem, change) => {
    const manifests = readManifests();
    change(manifests);
    expect(findRuleProblems(manifests, facts)).toContain(problem);
  });
});
