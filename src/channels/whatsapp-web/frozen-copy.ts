import { constants } from 'node:fs';
import { copyFile, link, lstat, mkdir, readdir, rm } from 'node:fs/promises';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { orAborted, waitMs } from '../../lib/abort.ts';
import { toError } from '../../lib/errors.ts';
import { findBrowserProcesses } from './browser-process.ts';
import { findKeptEntries } from './profile-content.ts';
