import type { Client, ClientPathsWithMethod, FetchOptions, FetchResponse, ParseAs } from 'openapi-fetch';
import type { components, paths } from './openapi.ts';

/** What the API takes and answers, by the names of the OpenAPI document: `Schemas['Account']`. */
export type Schemas = components['schemas'];

export type Method = 'get' | 'post' | 'put' | 'patch' | 'delete';

/** Of an answer that comes in several forms, JSON is the one that is read as JSON. */
type MediaOf<As extends ParseAs> = As extends 'json' ? `${string}/json` : `${string}/${string}`;

/** Paths of the OpenAPI document that have the method. */
export type PathOf<M extends Method> = ClientPathsWithMethod<Client<paths>, M>;

// biome-ignore lint/suspicious/noExplicitAny: what openapi-fetch itself takes for an operation
type AnyOperation = Record<string | number, any>;

type OperationOf<M extends Method, P extends keyof paths> =
  paths[P] extends Record<M, infer Operation extends AnyOperation> ? Operation : never;

/** What a call takes: the parameters and the body of the document, and how it is made. */
export type CallInit<M extends Method, P extends keyof paths, As extends ParseAs = 'json'> = Pick<
  FetchOptions<OperationOf<M, P>>,
  'params' | 'body'
> & {
  readonly headers?: Readonly<Record<string, string>>;
  /** How the answer is read; `json` if it is not said. */
  readonly parseAs?: As;
  /** Instead of the client's own, for each attempt; null for none. Milliseconds. */
  readonly timeoutMs?: number | null;
  /** Aborting it ends the call, which rejects with its reason. */
  readonly signal?: AbortSignal;
};

/** Operations of which a call needs more than the path. */
type Demanding =
  | { parameters: { path: object } | { query: object } | { header: object } }
  | { requestBody: object };

/** The rest of a call's parameters: its init may be left out where nothing in it is required. */
export type CallRest<M extends Method, P extends keyof paths, As extends ParseAs = 'json'> =
  OperationOf<M, P> extends Demanding ? [init: CallInit<M, P, As>] : [init?: CallInit<M, P, As>];

/** The body of a successful answer: `data`, and for lists `count` and `nextCursor`. */
export type AnswerOf<M extends Method, P extends keyof paths, As extends ParseAs = 'json'> = NonNullable<
  FetchResponse<OperationOf<M, P>, { parseAs: As }, MediaOf<As>>['data']
>;

/** Makes a call and resolves with the body of the answer. */
export type Call<M extends Method> = <P extends PathOf<M>, As extends ParseAs = 'json'>(
  path: P,
  ...rest: CallRest<M, P, As>
) => Promise<AnswerOf<M, P, As>>;

/** Makes a call and resolves with the body and the answer itself, for its headers. */
export type Request = <M extends Method, P extends PathOf<M>, As extends ParseAs = 'json'>(
  method: M,
  path: P,
  ...rest: CallRest<M, P, As>
) => Promise<{ readonly body: AnswerOf<M, P, As>; readonly response: Response }>;

interface Page {
  readonly data: readonly unknown[];
  readonly nextCursor: string | null;
}

/** Paths of lists that come in pages. */
export type ListPath = {
  [P in PathOf<'get'>]: AnswerOf<'get', P> extends Page ? P : never;
}[PathOf<'get'>];

/** What is in a list. */
export type ItemOf<P extends ListPath> = AnswerOf<'get', P> extends { data: (infer Item)[] } ? Item : never;

/** Goes through a list, item by item. */
export type List = <P extends ListPath>(path: P, ...rest: CallRest<'get', P>) => AsyncGenerator<ItemOf<P>>;
