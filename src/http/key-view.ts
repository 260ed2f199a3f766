import { z } from 'zod';
import { PERMISSIONS, ROLES, type Role } from '../accounts/permissions.ts';
import type { ApiKey } from '../db/api-key-store.ts';

const instant = z.string().meta({ format: 'date-time', description: 'ISO 8601 in UTC.' });

export const roleSchema = z.enum(Object.keys(ROLES) as [Role, ...Role[]], {
  error: `Use one of: ${Object.keys(ROLES).join(', ')}.`,
});

export const permissionSchema = z.enum(PERMISSIONS, { error: `Use one of: ${PERMISSIONS.join(', ')}.` });

const keyShape = {
  id: z.string().meta({ format: 'uuid', description: 'Also what accounts are granted to.' }),
  name: z.string().meta({ examples: ['Order service'] }),
  role: roleSchema,
  scopes: z
    .array(permissionSchema)
    .nullable()
    .meta({ description: 'What the role is narrowed to; null does not narrow it.' }),
  prefix: z.string().meta({ description: 'What the key begins with.', examples: ['sb_x4T'] }),
  createdAt: instant,
  createdBy: z
    .string()
    .nullable()
    .meta({ description: 'Who made it: the id of a key, or the `sub` of a user; null for the daemon.' }),
  expiresAt: instant.nullable().meta({ description: 'From then on it is refused; null if it lasts.' }),
  lastUsedAt: instant.nullable().meta({ description: 'To the minute.' }),
  instances: z.array(z.string()).meta({
    description:
      'The INSTANCE_IDs of those whose owner key it is: made on their first start, or their OWNER_API_KEY. None of any other key.',
    examples: [[]],
  }),
};

export const keySchema = z.object(keyShape).meta({ id: 'Key' });

export const newKeySchema = z
  .object({
    ...keyShape,
    key: z.string().meta({ description: 'The key itself. It is shown here once and stored nowhere.' }),
  })
  .meta({ id: 'NewKey' });

/** A key as the API shows it: never the key itself. */
export function keyToView(key: ApiKey): z.output<typeof keySchema> {
  return {
    id: key.id,
    name: key.name,
    role: key.role,
    scopes: key.scopes === null ? null : [...key.scopes],
    prefix: key.prefix,
    createdAt: key.createdAt.toISOString(),
    createdBy: key.createdBy,
    expiresAt: key.expiresAt?.toISOString() ?? null,
    lastUsedAt: key.lastUsedAt?.toISOString() ?? null,
    instances: [...key.instances],
  };
}
