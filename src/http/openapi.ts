import swagger from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import { jsonSchemaTransform, jsonSchemaTransformObject } from 'fastify-type-provider-zod';
import { addExamples } from './openapi-examples.ts';
import { addHeaders, type DocumentWithHeaders, keepOwnHeaders } from './openapi-headers.ts';
import { PAGE_HELMET } from './security-headers.ts';
import type { HttpApp } from './typed-fastify.ts';
import { WEBHOOK_OPERATIONS } from './webhook-event-view.ts';

const DESCRIPTION = `Keeps WhatsApp numbers connected and carries their messages.

Every answer is \`{"success":true,"data":…}\` or \`{"success":false,"error":{code,message,details?,requestId}}\`.
Lists take \`limit\` and \`cursor\` and add \`count\` and \`nextCursor\`. Times are ISO 8601 in UTC. Fields and
parameters that are not known are refused by name, methods that an address does not know with 405 and \`Allow\`.

Ask with an API key, or with a JWT of the host application where \`JWT_SECRET\` or \`JWT_JWKS_URL\` is set. Owners and admins use
every account of their tenant; agents and viewers those that were granted to them. What is another tenant's does not exist: 404.

Requests are limited by key and by address: \`RateLimit-Policy\` and \`RateLimit\` tell how the caller stands, \`Retry-After\`
comes with every 429. Every answer has an \`X-Request-Id\`. A request that does not come whole, in time and as HTTP is
answered with 400, 408 or 431, in the same form, and one that expects what nobody can do with 417.

Socket.IO at \`/socket.io\`, with the key or token as \`auth.token\`, tells what happens to the accounts that the key may
see: \`account:status\`, \`account:health\`, \`account:alert\`, \`account:qr\`, \`account:pairing-code\`, and to
their messages: \`message:received\` with an incoming message as \`GET /messages/{messageId}\` has it, and
\`message:status\` with \`messageId\`, \`whatsappMessageId\`, \`accountId\`, \`chatId\`, \`direction\`, \`status\`,
\`failedReason\`, \`mediaUrl\`, \`mediaStatus\`, \`mimeType\`, \`fileName\`, \`fileSize\`, \`timestamp\`, the instants of its
steps, its \`reactions\` and its \`votes\`. Fields bear the names that they have here. A client that was cut off for less than
two minutes gets what it missed.

What must not be missed is posted to an endpoint: see webhooks. Requests are signed in the Standard Webhooks scheme; what each
event tells stands under \`webhooks\` of this document.`;

/** Stands in the bar of Swagger UI. */
const LOGO =
  '<svg xmlns="http://www.w3.org/2000/svg" width="160" height="40"><text x="0" y="27" fill="#fff" ' +
  'font-family="sans-serif" font-size="22">Switchboard</text></svg>';

/** Serves the OpenAPI document, made from the schemas that check the requests, and Swagger UI. Both are open. */
export async function registerOpenApi(app: HttpApp): Promise<void> {
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: { title: 'Switchboard', version: '1', description: DESCRIPTION },
      tags: [
        { name: 'connection', description: 'Linking numbers and keeping them connected' },
        { name: 'accounts', description: 'Accounts: one WhatsApp number each' },
        { name: 'messages', description: 'Sending and reading messages' },
        { name: 'campaigns', description: 'Named batches of messages, which can be paused and cancelled' },
        { name: 'chats', description: 'Conversations of an account, and whom its phone knows' },
        { name: 'media', description: 'Files of messages' },
        { name: 'access', description: 'API keys, who may use which account, and who changed what' },
        { name: 'webhooks', description: 'Events that are posted to endpoints of the host application' },
        { name: 'settings', description: 'What holds for all accounts of a tenant' },
        { name: 'vault', description: 'Sealed sessions: checking them, new keys, moving to another host' },
        { name: 'instances', description: 'Daemons that share a database, for the operator' },
        { name: 'probes', description: 'For supervisors, load balancers and monitoring' },
      ],
      components: {
        securitySchemes: {
          bearer: {
            type: 'http',
            scheme: 'bearer',
            description: 'An API key, or a JWT of the host application.',
          },
          apiKey: { type: 'apiKey', in: 'header', name: 'X-API-Key' },
        },
      },
      security: [{ bearer: [] }, { apiKey: [] }],
    },
    transform: (input) => {
      const made = jsonSchemaTransform(input);
      const given = input.schema?.response as Readonly<Record<string, unknown>> | undefined;
      if (made.schema?.response === undefined || given === undefined) return made;
      const response = keepOwnHeaders(made.schema.response as Record<string, object>, given);
      return { ...made, schema: { ...made.schema, response } };
    },
    transformObject: (made) => {
      const document = dropUnused({
        ...jsonSchemaTransformObject(made),
        webhooks: WEBHOOK_OPERATIONS,
      } as Document);
      return addExamples({ ...addHeaders(relaxBodies(document)) }) as never;
    },
  });
  await app.register(async (scope) => {
    scope.addHook('onRoute', (route) => {
      route.config = { ...route.config, ...PAGE_HELMET, permission: 'open' };
      route.schema = { ...route.schema, hide: true };
    });
    scope.get('/openapi.json', async () => app.swagger());
    // Whoever opens the address that the daemon prints finds something.
    scope.get('/', (_request, reply) => reply.redirect('/docs'));
    await scope.register(swaggerUi, {
      routePrefix: '/docs',
      uiConfig: { persistAuthorization: true },
      theme: { title: 'Switchboard API' },
      logo: { type: 'image/svg+xml', content: Buffer.from(LOGO), href: '/docs' },
    });
  });
}

interface Document extends DocumentWithHeaders {
  readonly webhooks?: object;
  readonly components?: { readonly schemas?: Readonly<Record<string, unknown>> };
}

interface WithBody {
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema: BodySchema }>> };
}
interface BodySchema {
  readonly type?: unknown;
  readonly anyOf?: readonly BodySchema[];
}

/** Without the demand for a body where none will do: what makes the document demands each. */
function relaxBodies(document: Document): Document {
  for (const item of Object.values(document.paths ?? {})) {
    for (const { requestBody } of Object.values(item) as WithBody[]) {
      const schemas = Object.values(requestBody?.content ?? {}).map(({ schema }) => schema);
      if (requestBody !== undefined && schemas.every(takesNull))
        Object.assign(requestBody, { required: false });
    }
  }
  return document;
}

function takesNull({ type, anyOf }: BodySchema): boolean {
  return type === 'null' || anyOf?.some(takesNull) === true;
}

/** Every schema comes in a form for requests and one for answers; most are used in one alone. */
function dropUnused(document: Document): Document {
  const text = JSON.stringify(document);
  const used = Object.entries(document.components?.schemas ?? {}).filter(([name]) =>
    text.includes(`"#/components/schemas/${name}"`),
  );
  return { ...document, components: { ...document.components, schemas: Object.fromEntries(used) } };
}
