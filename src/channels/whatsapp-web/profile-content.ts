/**
 * What of a profile goes into a snapshot. A link lives in the page's storage; but where exactly the browser keeps that is
 * its own business and changes over the years. So everything is kept but what is known to be made anew: a folder that is
 * kept for nothing costs some bytes, one that is left out by mistake a link.
 */
import { readdir } from 'node:fs/promises';
