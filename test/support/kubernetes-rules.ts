/** What the manifests of ops/k8s must say so that this daemon runs well in them, beyond what Kubernetes' schemas ask. */
import type { IContainer } from 'kubernetes-models/v1/Container';
import type { IPodSpec } from 'kubernetes-models/v1/PodSpec';
import { BYTES_PER_SESSION, SHARED_MEMORY } from '../../src/channels/whatsapp-web/runtime-folder.ts';
import { parseConfig } from '../../src/config/parse-config.ts';
import { VARIABLES } from '../../src/config/variables.ts';
import { isAppError, toError } from '../../src/lib/errors.ts';
import type { Manifests } from './kubernetes-manifests.ts';

/** What the daemon itself says. */
export interface DaemonFacts {
  /** Paths that answer GET. */
  readonly routes: readonly string[];
  readonly drainDeadlineMs: number;
  readonly version: string;
}

/** A browser of a session and its share of the daemon, on top of what lies in /dev/shm; a lower bound. */
const BYTES_PER_BROWSER = 300 * 1024 ** 2;
const BYTES_OF_DAEMON = 512 * 1024 ** 2;

/** Values that the template leaves to whoever fills it in, such as they may be. */
const FILLED: Readonly<Record<string, string>> = {
  DATABASE_URL: 'postgres://switchboard:secret@postgres.example:5432/switchboard',
  REDIS_URL: 'rediss://:secret@redis-0.example:6379,rediss://redis-1.example:6379',
  ENCRYPTION_KEY: '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08',
  OWNER_API_KEY: 'an-owner-key-of-thirty-two-characters',
  S3_ACCESS_KEY_ID: 'access',
  S3_SECRET_ACCESS_KEY: 'secret',
};

export function findRuleProblems(manifests: Manifests, facts: DaemonFacts): string[] {
  const pod = manifests.statefulSet.spec?.template.spec;
  const container = pod?.containers[0];
  if (pod === undefined || container === undefined) return ['There is no container.'];
  return [
    ...findVariableProblems(manifests, container),
    ...findPortProblems(manifests, container),
    ...findProbeProblems(manifests, container, facts),
    ...findStopProblems(pod, container, facts),
    ...findSpaceProblems(manifests, pod, container),
    ...findSecurityProblems(pod, container),
    ...findSelectorProblems(manifests),
    ...findImageProblems(manifests, container, facts),
  ];
}

function findVariableProblems({ configMap, secret }: Manifests, container: IContainer): string[] {
  const own = container.env ?? [];
  const open = Object.entries(configMap.data ?? {});
  const hidden = Object.entries(secret.stringData ?? {});
  const names = [...own.map(({ name }) => name), ...[...open, ...hidden].map(([name]) => name)];
  const isSecret = (name: string) => VARIABLES[name as keyof typeof VARIABLES]?.secret === true;
  const idPath = own.find(({ name }) => name === 'INSTANCE_ID')?.valueFrom?.fieldRef?.fieldPath;
  const env = { ...Object.fromEntries(open), ...FILLED, INSTANCE_ID: 'switchboard-0' };
  return [
    ...names.filter((name) => !Object.hasOwn(VARIABLES, name)).map((name) => `${name} is no variable.`),
    ...open.filter(([name]) => isSecret(name)).map(([name]) => `${name} is a secret.`),
    ...hidden.filter(([, value]) => value !== '').map(([name]) => `${name} has a value.`),
    ...Object.keys(FILLED)
      .filter((name) => !hidden.some(([each]) => each === name))
      .map((name) => `${name} is not asked for.`),
    ...(idPath === 'metadata.name' ? [] : ['INSTANCE_ID is not the name of the pod.']),
    ...findConfigProblems(env),
  ];
}

/** What the daemon itself says against the values. */
function findConfigProblems(env: Record<string, string>): string[] {
  try {
    parseConfig(env, { cwd: '/app' });
    return [];
  } catch (thrown) {
    return [isAppError(thrown) ? JSON.stringify(thrown.details) : toError(thrown).message];
  }
}

function findPortProblems(manifests: Manifests, container: IContainer): string[] {
  const [port] = container.ports ?? [];
  const { service, instancesService, networkPolicy, serviceMonitor } = manifests;
  const services = [service, instancesService].flatMap(({ spec }) => spec?.ports ?? []);
  const entrances = (networkPolicy.spec?.ingress ?? []).flatMap(({ ports }) => ports ?? []);
  const scraped = serviceMonitor.spec.endpoints.map(({ port: name }) => name);
  const isNamed = (name: unknown) => name === port?.name;
  return [
    ...(String(port?.containerPort) === manifests.configMap.data?.PORT ? [] : ['PORT is not the port.']),
    ...(services.every(({ targetPort }) => isNamed(targetPort)) ? [] : ['A service leads elsewhere.']),
    ...(entrances.every((each) => isNamed(each.port)) ? [] : ['The network policy lets in elsewhere.']),
    ...(scraped.every((name) => service.spec?.ports?.some((each) => each.name === name))
      ? []
      : ['Prometheus asks a port that the service does not have.']),
  ];
}

function findProbeProblems(manifests: Manifests, container: IContainer, { routes }: DaemonFacts): string[] {
  const { startupProbe, livenessProbe, readinessProbe, ports } = container;
  const probes = { startupProbe, livenessProbe, readinessProbe };
  const paths = [
    ...Object.values(probes).map((probe) => probe?.httpGet?.path),
    ...manifests.serviceMonitor.spec.endpoints.map(({ path }) => path),
  ];
  return [
    ...paths.filter((path) => !routes.includes(String(path))).map((path) => `${path} is no route.`),
    ...Object.entries(probes)
      .filter(([, probe]) => probe?.httpGet?.port !== ports?.[0]?.name)
      .map(([name]) => `The ${name} asks another port.`),
    ...(readinessProbe?.httpGet?.path === '/ready' ? [] : ['The readiness is not asked for.']),
    ...(livenessProbe?.httpGet?.path === '/health'
      ? []
      : ['A daemon whose stores are away would be restarted.']),
  ];
}

function findStopProblems(pod: IPodSpec, container: IContainer, { drainDeadlineMs }: DaemonFacts): string[] {
  const [, seconds = '0'] = container.lifecycle?.preStop?.exec?.command ?? [];
  const taken = Number(seconds) * 1_000 + drainDeadlineMs;
  const given = (pod.terminationGracePeriodSeconds ?? 30) * 1_000;
  return given > taken ? [] : [`The pod is killed after ${given} ms; a drain may take ${taken} ms.`];
}

function findSpaceProblems({ configMap }: Manifests, pod: IPodSpec, container: IContainer): string[] {
  const sessions = Number(configMap.data?.WHATSAPP_MAX_CONNECTIONS);
  const mounts = container.volumeMounts ?? [];
  const volumes = pod.volumes ?? [];
  const shm = volumes.find(({ name }) => name === mounts.find((m) => m.mountPath === SHARED_MEMORY)?.name);
  const shmBytes = quantityToBytes(shm?.emptyDir?.sizeLimit);
  const limit = quantityToBytes(container.resources?.limits?.memory);
  const needed = shmBytes + sessions * BYTES_PER_BROWSER + BYTES_OF_DAEMON;
  const paths = ['DATA_PATH', 'WHATSAPP_SESSION_PATH', 'LOG_DIR'] as const;
  const kept = mounts.find(({ name }) => name === 'data')?.mountPath;
  const known = new Set([...volumes.map(({ name }) => name), 'data']);
  return [
    ...(shm?.emptyDir?.medium === 'Memory' ? [] : ['/dev/shm is not memory.']),
    ...(shmBytes > sessions * BYTES_PER_SESSION ? [] : ['/dev/shm is too small for the sessions.']),
    ...(limit >= needed ? [] : [`The memory is less than ${needed} bytes.`]),
    ...(container.resources?.requests?.memory === container.resources?.limits?.memory
      ? []
      : ['Memory is promised that may not be there.']),
    // Of a volume itself it would not be the owner, and could not close it to others.
    ...paths
      .filter((name) => !configMap.data?.[name]?.startsWith(`${kept}/`))
      .map((name) => `${name} is not within the volume.`),
    ...mounts.filter(({ name }) => !known.has(name)).map(({ name }) => `There is no volume ${name}.`),
  ];
}

const UNITS: Readonly<Record<string, number>> = { Mi: 1024 ** 2, Gi: 1024 ** 3 };

function quantityToBytes(quantity: string | number | undefined): number {
  const [, number, unit = ''] = /^(\d+)(Mi|Gi)$/.exec(String(quantity)) ?? [];
  return Number(number) * (UNITS[unit] ?? Number.NaN);
}

function findSecurityProblems(pod: IPodSpec, container: IContainer): string[] {
  const own = container.securityContext;
  const rules: Readonly<Record<string, boolean>> = {
    'It may run as root.': pod.securityContext?.runAsNonRoot === true,
    'It may gain privileges.': own?.allowPrivilegeEscalation === false,
    'Its root file system can be written.': own?.readOnlyRootFilesystem === true,
    'It has capabilities.': own?.capabilities?.drop?.includes('ALL') === true,
    'It may call anything of the kernel.': pod.securityContext?.seccompProfile?.type === 'RuntimeDefault',
    'It gets a token of the cluster.': pod.automountServiceAccountToken === false,
    'It gets variables of services.': pod.enableServiceLinks === false,
    'It shares what is the host’s.': !pod.hostNetwork && !pod.hostPID && !pod.hostIPC,
  };
  return Object.keys(rules).filter((problem) => rules[problem] === false);
}

function findSelectorProblems(manifests: Manifests): string[] {
  const { statefulSet, service, instancesService, podDisruptionBudget, networkPolicy } = manifests;
  const labels: Readonly<Record<string, string>> = statefulSet.spec?.template.metadata?.labels ?? {};
  const constraints = statefulSet.spec?.template.spec?.topologySpreadConstraints ?? [];
  const selectors = {
    'The stateful set': statefulSet.spec?.selector.matchLabels,
    'The service': service.spec?.selector,
    'The service of the instances': instancesService.spec?.selector,
    'The disruption budget': podDisruptionBudget.spec?.selector?.matchLabels,
    'The network policy': networkPolicy.spec?.podSelector?.matchLabels,
    ...Object.fromEntries(
      constraints.map(({ topologyKey, labelSelector }) => [topologyKey, labelSelector?.matchLabels]),
    ),
  };
  const scraped = manifests.serviceMonitor.spec.selector.matchLabels;
  const target = manifests.horizontalPodAutoscaler.spec?.scaleTargetRef;
  return [
    ...Object.entries(selectors)
      .filter(([, selector]) => !isWithin(selector, labels))
      .map(([name]) => `${name} does not mean the pods.`),
    ...(isWithin(scraped, service.metadata?.labels) ? [] : ['Prometheus does not find the service.']),
    ...(statefulSet.spec?.serviceName === instancesService.metadata?.name
      ? []
      : ['There is no service of that name for the instances.']),
    ...(target?.kind === 'StatefulSet' && target.name === statefulSet.metadata?.name
      ? []
      : ['The autoscaler scales something else.']),
    ...findAutoscalerProblems(manifests),
  ];
}

function isWithin(selector: unknown, labels: unknown): boolean {
  const wanted = Object.entries((selector ?? {}) as Record<string, string>);
  const there = (labels ?? {}) as Record<string, string>;
  return wanted.length > 0 && wanted.every(([name, value]) => there[name] === value);
}

function findAutoscalerProblems({ horizontalPodAutoscaler, configMap }: Manifests): string[] {
  const sessions = Number(configMap.data?.WHATSAPP_MAX_CONNECTIONS);
  const { metrics = [], minReplicas: fewest = 1 } = horizontalPodAutoscaler.spec ?? {};
  const target = Number(metrics[0]?.pods?.target.averageValue);
  // The others must have room for the sessions of one that dies.
  return target * fewest <= sessions * (fewest - 1)
    ? []
    : ['There would be no room for the sessions of an instance that dies.'];
}

function findImageProblems(
  { kustomization }: Manifests,
  container: IContainer,
  facts: DaemonFacts,
): string[] {
  const image = kustomization.images.find(({ name }) => name === container.image);
  return [
    ...(image?.newName.startsWith('registry.example/') ? [] : ['The image is no placeholder.']),
    ...(image?.newTag === facts.version ? [] : [`The image is not of the version ${facts.version}.`]),
  ];
}
