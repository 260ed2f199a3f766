/** The manifests of ops/k8s, and what is wrong with them: by Kubernetes' own schemas, and by what this daemon needs. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type IStatefulSet, StatefulSet } from 'kubernetes-models/apps/v1/StatefulSet';
import {
  HorizontalPodAutoscaler,
  type IHorizontalPodAutoscaler,
} from 'kubernetes-models/autoscaling/v2/HorizontalPodAutoscaler';
import { type INetworkPolicy, NetworkPolicy } from 'kubernetes-models/networking.k8s.io/v1/NetworkPolicy';
import {
  type IPodDisruptionBudget,
  PodDisruptionBudget,
} from 'kubernetes-models/policy/v1/PodDisruptionBudget';
import { ConfigMap, type IConfigMap } from 'kubernetes-models/v1/ConfigMap';
import { type INamespace, Namespace } from 'kubernetes-models/v1/Namespace';
import { type ISecret, Secret } from 'kubernetes-models/v1/Secret';
import { type IService, Service } from 'kubernetes-models/v1/Service';
import { parse } from 'yaml';

const FOLDER = join(import.meta.dirname, '../../ops/k8s');

export interface Kustomization {
  readonly namespace: string;
  readonly resources: readonly string[];
  readonly images: readonly { readonly name: string; readonly newName: string; readonly newTag: string }[];
}

/** As far as it is looked at; its schema is that of an operator, not of Kubernetes. */
export interface ServiceMonitor {
  readonly apiVersion: string;
  readonly kind: string;
  readonly spec: {
    readonly selector: { readonly matchLabels: Readonly<Record<string, string>> };
    readonly endpoints: readonly { readonly port: string; readonly path: string }[];
  };
}

export interface Manifests {
  namespace: INamespace;
  configMap: IConfigMap;
  secret: ISecret;
  statefulSet: IStatefulSet;
  service: IService;
  instancesService: IService;
  podDisruptionBudget: IPodDisruptionBudget;
  networkPolicy: INetworkPolicy;
  horizontalPodAutoscaler: IHorizontalPodAutoscaler;
  serviceMonitor: ServiceMonitor;
  kustomization: Kustomization;
}

/** The file of each. */
export const FILES = {
  namespace: 'namespace.yaml',
  configMap: 'config-map.yaml',
  secret: 'secret.example.yaml',
  statefulSet: 'stateful-set.yaml',
  service: 'service.yaml',
  instancesService: 'instances-service.yaml',
  podDisruptionBudget: 'pod-disruption-budget.yaml',
  networkPolicy: 'network-policy.yaml',
  horizontalPodAutoscaler: 'horizontal-pod-autoscaler.yaml',
  serviceMonitor: 'service-monitor.yaml',
  kustomization: 'kustomization.yaml',
} as const satisfies Record<keyof Manifests, string>;

/** Fresh objects at each call, to be changed at will. */
export function readManifests(): Manifests {
  const entries = Object.entries(FILES).map(([name, file]) => [name, parse(readManifest(file))]);
  return Object.fromEntries(entries) as Manifests;
}

export function readManifest(file: string): string {
  return readFileSync(join(FOLDER, file), 'utf8');
}

/** Names of all files that lie there. */
export function listManifestFiles(): string[] {
  return readdirSync(FOLDER).toSorted();
}

const MODELS = [
  StatefulSet,
  HorizontalPodAutoscaler,
  NetworkPolicy,
  PodDisruptionBudget,
  ConfigMap,
  Namespace,
  Secret,
  Service,
];

/** What the schema of its kind says against a manifest; fields that the kind does not have are left to the types. */
export function findSchemaProblems(manifest: {
  readonly apiVersion?: string;
  readonly kind?: string;
}): string[] {
  const Model = MODELS.find(
    ({ apiVersion, kind }) => apiVersion === manifest.apiVersion && kind === manifest.kind,
  );
  if (Model === undefined) return [`There is no ${manifest.kind} in ${manifest.apiVersion}.`];
  try {
    new Model(manifest as never).validate();
    return [];
  } catch (thrown) {
    return [String((thrown as Error).message)];
  }
}

/** The interface of each kind, as its module exports it. */
export const TYPES = {
  namespace: ['kubernetes-models/v1/Namespace', 'INamespace'],
  configMap: ['kubernetes-models/v1/ConfigMap', 'IConfigMap'],
  secret: ['kubernetes-models/v1/Secret', 'ISecret'],
  statefulSet: ['kubernetes-models/apps/v1/StatefulSet', 'IStatefulSet'],
  service: ['kubernetes-models/v1/Service', 'IService'],
  instancesService: ['kubernetes-models/v1/Service', 'IService'],
  podDisruptionBudget: ['kubernetes-models/policy/v1/PodDisruptionBudget', 'IPodDisruptionBudget'],
  networkPolicy: ['kubernetes-models/networking.k8s.io/v1/NetworkPolicy', 'INetworkPolicy'],
  horizontalPodAutoscaler: [
    'kubernetes-models/autoscaling/v2/HorizontalPodAutoscaler',
    'IHorizontalPodAutoscaler',
  ],
} as const satisfies Partial<Record<keyof Manifests, readonly [string, string]>>;
