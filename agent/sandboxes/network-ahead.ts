import type { SandboxSpec } from '../../shared/agent-api';
import { type Namespace, setSysctls } from '../apply/netns';
import { namespaceOfStart } from '../apply/starting';
import { SANDBOX_SYSCTLS } from '../plan/sysctls';
import type { WayOut } from './way-out';

interface Begun {
  rules: Promise<void>;
  tunnel: Promise<void>;
  /** The gate is open, where nothing has to be proven first. */
  gate: Promise<void>;
}

export interface NetworkAhead {
  /**
   * What was begun, where it was begun in this namespace: Docker's own answer decides. Else it is undone, and the
   * network's steps have to be made now.
   */
  of(namespace: Namespace): Promise<Begun | null>;
  /** The start failed: undoes what was begun. */
  giveUp(): Promise<void>;
  /** Resolves when nothing of it is under way any more. */
  close(): Promise<void>;
}

/**
 * The network's steps of a container that Docker is starting, made beside the rest of that start, in the same order as
 * ever: rules (closed), then the tunnel, verified, then the gate. They are done about when Docker has answered.
 */
export function networkAhead(
  container: string,
  work: { way: WayOut; spec: SandboxSpec; prepared: Promise<void>; signal: AbortSignal },
): NetworkAhead {
  const { way, spec, prepared } = work;
  const answered = new AbortController();
  const abort = new AbortController();
  const signal = AbortSignal.any([work.signal, abort.signal]);
  const found = namespaceOfStart(container, AbortSignal.any([signal, answered.signal]));
  const rules = found.then(async (namespace) => {
    if (namespace === null) return;
    // Docker makes the settings too, somewhat later.
    const settings = setSysctls(namespace, SANDBOX_SYSCTLS);
    await Promise.all([way.shut(namespace), settings, way.tunnel.prepare(namespace)]);
  });
  const tunnel = rules.then(async () => {
    const namespace = await found;
    if (namespace === null) return;
    await prepared;
    await way.up(namespace, spec, signal);
  });
  // Nobody but PID 1 is there to send. Where the links are not right in the end it is closed again, before the release.
  const gate = tunnel.then(async () => {
    if ((await found) !== null) await way.openUnproven('start');
  });
  // Told to who asks by `of`.
  gate.catch(() => {});
  tunnel.catch(() => {});
  rules.catch(() => {});

  async function close(): Promise<void> {
    answered.abort();
    await gate.catch(() => {});
    await found.then((it) => it?.close()).catch(() => {});
  }
  async function giveUp(): Promise<void> {
    abort.abort(new Error('the start of the container failed'));
    await close();
    await way.down();
  }
  return {
    async of(namespace) {
      answered.abort();
      const early = await found;
      if (early === null) return null;
      if (early.inode === namespace.inode && early.pid === namespace.pid) return { rules, tunnel, gate };
      await giveUp();
      return null;
    },
    giveUp,
    close,
  };
}
