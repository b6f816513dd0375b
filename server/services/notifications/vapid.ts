/** The gateway's own key towards push services (VAPID, RFC 8292): made at the first start, kept sealed. */
import { randomBytes } from 'node:crypto';
import { existsSync, linkSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import webpush from 'web-push';
import { z } from 'zod';
import type { SecretBox } from '../../auth/secret-box';

const PURPOSE = 'push.vapid.v1';
const keysSchema = z.object({ publicKey: z.string(), privateKey: z.string() });
export type VapidKeys = z.output<typeof keysSchema>;

/** Another key would make every subscription of every browser worthless: never made anew over one that is there. */
export function loadVapidKeys(file: string, box: SecretBox): VapidKeys {
  if (!existsSync(file)) {
    const sealed = box.seal(PURPOSE, Buffer.from(JSON.stringify(webpush.generateVAPIDKeys())));
    // Written aside and linked: a crash half-way leaves no short file, and of two first starts one wins.
    const temp = `${file}.${randomBytes(4).toString('hex')}`;
    writeFileSync(temp, `${sealed}\n`, { mode: 0o600, flag: 'wx' });
    try {
      linkSync(temp, file);
    } catch (error) {
      if (!existsSync(file)) throw error;
    } finally {
      rmSync(temp);
    }
  }
  const opened = box.open(PURPOSE, readFileSync(file, 'utf8').trim());
  return keysSchema.parse(JSON.parse(opened.toString('utf8')));
}
