import { isAppError } from '../lib/errors.ts';

/** What the command line exits with. Scripts rely on these numbers; none is reused. */
export const EXIT = {
  ok: 0,
  failed: 1,
  usage: 2,
  noDaemon: 3,
  notAuthorised: 4,
  notFound: 5,
  notConnected: 6,
  interrupted: 130,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** For every --help. */
export const EXIT_CODES_HELP = `
Exit codes:
  0    done
  1    the daemon could not do it
  2    wrong usage, a value that is not valid, or a wrong variable
  3    no daemon answers, or it cannot work right now
  4    the API key is missing, wrong, or may not do this
  5    there is no such account, message, key, campaign, webhook, delivery or instance
  6    the account is not connected, or was not linked
  130  interrupted by Ctrl-C
With --json an error is one line on standard error:
  {"success":false,"error":{"code":"…","message":"…","details":[{"field":"…","message":"…"}]}}
details is there where the code has any (another object for some, such as DAILY_LIMIT_EXCEEDED); wrong usage (2) may be
told in plain words.
For scripts: npm run -s cli -- <command> --json, since npm prints a banner without -s.
`;

/** The exit code that tells a script what went wrong. */
export function errorToExitCode(error: Error): ExitCode {
  if (!isAppError(error)) return EXIT.failed;
  switch (error.code) {
    case 'VALIDATION_FAILED':
    case 'CONFIG_INVALID':
    case 'TOO_LARGE':
    case 'UNSUPPORTED_MEDIA':
      return EXIT.usage;
    case 'UNAVAILABLE':
      return EXIT.noDaemon;
    case 'UNAUTHENTICATED':
    case 'FORBIDDEN':
      return EXIT.notAuthorised;
    case 'NOT_FOUND':
    case 'ACCOUNT_NOT_FOUND':
    case 'MESSAGE_NOT_FOUND':
    case 'MEDIA_NOT_FOUND':
    case 'KEY_NOT_FOUND':
    case 'CAMPAIGN_NOT_FOUND':
    case 'WEBHOOK_NOT_FOUND':
    case 'DELIVERY_NOT_FOUND':
    case 'INSTANCE_NOT_FOUND':
      return EXIT.notFound;
    case 'ACCOUNT_NOT_CONNECTED':
    case 'QR_EXPIRED':
    case 'AUTHENTICATION_FAILED':
      return EXIT.notConnected;
    default:
      return EXIT.failed;
  }
}
