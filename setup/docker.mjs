// The docker client, run as this user or, where Docker's socket refuses that, through sudo.
import { run } from './run.mjs';

/** A function (args, options) like run(), for the docker client behind `prefix` (such as ['sudo', '-n']). */
export function dockerClient(prefix = []) {
  const [file, ...before] = [...prefix, 'docker'];
  return (args, options) => run(file, [...before, ...args], options);
}

export async function hasImage(docker, ref) {
  try {
    await docker(['image', 'inspect', '--format', '{{.Id}}', ref], { timeoutMs: 20_000 });
    return true;
  } catch {
    return false;
  }
}
