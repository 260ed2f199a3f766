/** Where a store is: brought up by the daemon itself under DATA_PATH, or given. */
export type StoreLocation<Given> = { readonly kind: 'embedded' } | ({ readonly kind: 'given' } & Given);

/** S3-compatible storage: sealed sessions are kept there besides the disk and the database, and media instead of the disk. */
export interface S3Config {
  readonly bucket: string;
  /** Without a slash at the end; null means Amazon's own. */
  readonly endpoint: string | null;
  readonly region: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** What the keys of all objects begin with, without slashes around it. */
  readonly prefix: string;
}

export type HeadlessMode = 'auto' | 'shell' | 'new';
export type LogLevel = 'error' | 'warn' | 'info' | 'debug';

/** Pacing beyond the limits, for those who ask for it: it delays messages and refuses none. */
export interface PacingConfig {
  /** What a young account sends a day beside answers begins low and rises with its real age. */
  readonly warmup: boolean;
  /** Pauses between messages, longer ones before those to strangers. */
  readonly jitter: boolean;
  /** Refusals, or fewer deliveries, stop messages to strangers for a while. */
  readonly breaker: boolean;
}

/** Everything the daemon can be told, parsed, checked and frozen. Paths are absolute. */
export interface Config {
  readonly production: boolean;
  readonly dataPath: string;
  readonly database: StoreLocation<{ readonly url: string }>;
  readonly redis: StoreLocation<{ readonly urls: readonly string[] }>;
  readonly encryption: {
    /** Given by ENCRYPTION_KEY; otherwise one is made on the first start. */
    readonly key: Uint8Array | null;
    readonly previous: readonly Uint8Array[];
  };
  /** Where the sealed sessions lie. */
  readonly sessionPath: string;
  /** Given by WHATSAPP_RUNTIME_PATH; otherwise chosen at the start. */
  readonly runtimePath: string | null;
  readonly media: {
    /** The folder of the files; with `s3`, of those that are on their way. */
    readonly path: string;
    /** Where they are kept instead; null means in the folder. */
    readonly s3: S3Config | null;
  };
  /** Null if no such storage is configured. */
  readonly s3: S3Config | null;
  readonly http: {
    readonly host: string;
    readonly port: number;
    /** Requests a minute a key; 0 means no limit. */
    readonly apiRateLimit: number;
    readonly allowedOrigins: readonly string[];
    /** How the host application's JWTs are checked; null accepts none of that kind. */
    readonly jwt: {
      /** For HS256. */
      readonly secret: string | null;
      /** Where the public keys are, for the asymmetric algorithms. */
      readonly jwksUrl: string | null;
    };
  };
  /** Whether webhooks may go to private networks, and to http addresses. */
  readonly webhooks: { readonly allowPrivate: boolean };
  /** Set by OWNER_API_KEY; otherwise one is made on the first start. */
  readonly ownerApiKey: string | null;
  readonly log: { readonly level: LogLevel; readonly dir: string };
  /** Set by INSTANCE_ID; otherwise one is made on the first start. */
  readonly instanceId: string | null;
  readonly whatsapp: {
    readonly maxConnections: number;
    /** Outgoing messages a minute an account; 0 means no limit. */
    readonly messageRateLimit: number;
    readonly dailyLimit: number;
    /** IANA name. */
    readonly timezone: string;
    readonly pacing: PacingConfig;
  };
  readonly browser: {
    /** Given by PUPPETEER_EXECUTABLE_PATH; otherwise searched on the machine. */
    readonly executablePath: string | null;
    readonly headless: HeadlessMode;
    readonly extraArgs: readonly string[];
  };
}
