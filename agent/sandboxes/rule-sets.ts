/** The files beside sing-box's configuration that it follows while it runs: ranges of the host, names of a policy. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { NetworkPolicy } from '../../shared/network-policy';
import { singBoxFiles, writeRangeSets } from '../apply/singbox';
import { NAME_SET, narrows } from '../plan/name-set';
import { ruleSetTexts } from '../plan/singbox';
import type { Surroundings } from '../plan/surroundings';

/** `folder`: the sandbox's own. */
export async function writeRuleSets(
  folder: string,
  policy: NetworkPolicy,
  around: Surroundings,
): Promise<void> {
  await writeRangeSets(singBoxFiles(folder), ruleSetTexts(policy, around));
}

/** Whether this policy may refuse what the sing-box that runs by these files has let pass: then it needs a new one. */
export async function namesNarrow(folder: string, policy: NetworkPolicy): Promise<boolean> {
  const present = await readFile(join(folder, `${NAME_SET}.json`), 'utf8').catch(() => null);
  return narrows(present, policy);
}
