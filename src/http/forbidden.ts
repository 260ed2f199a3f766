import { type Permission, ROLES, type Role } from '../accounts/permissions.ts';
import { AppError } from '../lib/errors.ts';

/** FORBIDDEN for who lacks the permission: it names that, and the roles that have it. Scopes may have taken it from them. */
export function makeForbidden(permission: Permission): AppError {
  const roles = (Object.keys(ROLES) as Role[]).filter((role) =>
    (ROLES[role].permissions as readonly Permission[]).includes(permission),
  );
  return new AppError('FORBIDDEN', {
    message: `This key lacks the permission ${permission}. Use one with a role that has it (${roles.join(', ')}) and that no scopes narrow.`,
  });
}
