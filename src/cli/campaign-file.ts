import { readFile } from 'node:fs/promises';
import type { CallInit } from '../client/client.ts';
import { AppError, toError } from '../lib/errors.ts';
import type { API } from './api-client.ts';

/** What the API makes a campaign of. */
export type CampaignBody = CallInit<'post', `${typeof API}/accounts/{accountId}/campaigns`>['body'];

/**
 * The campaign that a file holds: `{"name", "items"}`, or the list of items alone; `name` is another name, or the list's.
 * What an item may be is the daemon's to judge.
 * @throws AppError VALIDATION_FAILED naming the file, or the name that is missing
 */
export async function readCampaign(path: string, name: string | undefined): Promise<CampaignBody> {
  const content = parseJson(await readText(path));
  if (Array.isArray(content)) {
    if (name === undefined) throw refuse('--name', 'Give one: the file holds a list of items alone.');
    return { name, items: content };
  }
  if (typeof content !== 'object' || content === null) {
    throw refuse('<file>', 'It holds neither {"name": …, "items": […]} nor a list of items.');
  }
  return { ...(content as CampaignBody), ...(name === undefined ? {} : { name }) };
}

async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (thrown) {
    throw refuse(
      '<file>',
      `It cannot be read (${toError(thrown).message}). Give the path of a file in JSON.`,
    );
  }
}

function parseJson(text: string): unknown {
  try {
    // Some editors put a mark at the beginning, which is no JSON.
    return JSON.parse(text.replace(/^\u{feff}/u, ''));
  } catch (thrown) {
    throw refuse('<file>', `It is not in JSON (${toError(thrown).message}).`);
  }
}

function refuse(field: string, message: string): AppError {
  return new AppError('VALIDATION_FAILED', { details: [{ field, message }] });
}
