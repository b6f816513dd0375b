/**
 * Zod compiles its checks with `new Function` where it may and tries that once to find out. The content security
 * policy forbids it, and the try alone is logged as a violation on every page. Imported before any schema is used.
 */
import { z } from 'zod';

z.config({ jitless: true });
