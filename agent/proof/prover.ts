/** Proofs of ways out: a container of our own image looks from inside, pure rules judge, the agent's key signs. */
import { randomBytes, randomUUID } from 'node:crypto';
import type { Logger } from 'pino';
import type { AgentCheck } from '../../shared/agent-api';
import type { Proof, ProofCheck } from '../../shared/proof';
import type { DockerClient } from '../apply/docker';
import { openCanary } from './canary';
import { type ProofTarget, type Prover, UNIQUE_LABEL_CHARS } from './contract';
import { agreedAddress, type Conclusion, conclude, type JudgeFacts, judge } from './judge';
import { type Observation, observationSchema, probeEndSchema } from './observation';
import { type ProbeEnd, runProbe, sweepProbes } from './probe-container';
import { PROBE_SECONDS, probeRequest } from './request';
import { loadSigningKey } from './signing-key';
import { Slots } from './slots';

/** Each probe starts a Python: more at once would only make all of them late on a small machine. */
const PROBES_AT_ONCE = 4;
/** What Docker may take beside the probe's own time to make and start a container on a loaded machine. */
const CONTAINER_SECONDS = 11;

export interface ProverOptions {
  instance: string;
  docker: DockerClient;
  /** The agent's folder: the signing key lies there. */
  dataDir: string;
  log: Logger;
}

/** Throws when the signing key can neither be read nor made. Docker need not answer yet. */
export async function createProver({ instance, docker, dataDir, log }: ProverOptions): Promise<Prover> {
  const key = await loadSigningKey(dataDir);
  const slots = new Slots(PROBES_AT_ONCE);
  await sweepProbes(docker, instance).catch((error) =>
    log.warn({ err: error }, 'could not look for probes that an earlier agent left'),
  );

  /** Runs the probe; what it saw, in its order, and how it ended. */
  async function look(
    target: ProofTarget,
    options: { signal: AbortSignal; onSeen(seen: Observation): void },
  ): Promise<{ end: ProbeEnd; late: boolean; heard: boolean }> {
    const canary = await openCanary(target.host);
    const deadline = AbortSignal.timeout((PROBE_SECONDS + CONTAINER_SECONDS) * 1000);
    const request = probeRequest({
      ...target,
      canary: canary && { port: canary.port, word: canary.word },
      unique: randomBytes(UNIQUE_LABEL_CHARS / 2).toString('hex'),
    });
    try {
      const end = await runProbe({
        docker,
        instance,
        image: target.image,
        networkOf: target.containerName,
        input: `${JSON.stringify(request)}\n`,
        signal: AbortSignal.any([options.signal, deadline]),
        onLine(line) {
          const seen = parsed(line);
          if (seen === 'end') return;
          if (seen) options.onSeen(seen);
          else log.debug({ line: line.slice(0, 200) }, 'the probe said what is not understood');
        },
      });
      return { end, late: false, heard: canary?.heard() ?? false };
    } catch (error) {
      if (options.signal.aborted || !deadline.aborted) throw error;
      return { end: { outcome: 'failed', stderr: '' }, late: true, heard: canary?.heard() ?? false };
    } finally {
      await canary?.close();
    }
  }

  async function prove(
    target: ProofTarget,
    { signal, onCheck, explain }: Parameters<Prover['prove']>[1],
  ): Promise<Proof> {
    const { network } = target;
    const startedAt = new Date().toISOString();
    const facts: JudgeFacts = { network, hostResolvers: target.hostResolvers, host: target.host };
    const observations: Observation[] = [];
    const checks: ProofCheck[] = [];
    const tell = (state: AgentCheck['state'], message: string, check: ProofCheck | null) =>
      onCheck?.({ type: 'check', stage: null, state, check, message, at: new Date().toISOString() });
    tell('started', 'Looking at the way out from inside.', null);
    const { end, late, heard } = await look(target, {
      signal,
      onSeen(seen) {
        observations.push(seen);
        const check = judge(seen, facts);
        checks.push(check);
        tell(check.result === 'fail' ? 'failed' : 'done', check.detail, check);
      },
    });
    const conclusion = conclude(heard ? checks.map(reachedHost) : checks, network.egress.kind);
    const answers = observations.find((it) => it.check === 'exit-address')?.answers ?? [];
    const asked = observations.find((it) => it.check === 'dns');
    const connected = observations.find((it) => it.check === 'connect');
    if (end.outcome === 'failed') log.warn({ sandbox: target.sandboxId, late, ...end }, 'a probe failed');
    const { probes } = network;
    const cut = conclusion.checks.some((it) => it.name === 'connect' && it.result === 'fail');
    const why = cut ? await explain?.() : null;
    const proof = key.sign({
      id: randomUUID(),
      sandboxId: target.sandboxId,
      egressId: network.egressId,
      cause: target.cause,
      startedAt,
      finishedAt: new Date().toISOString(),
      ...conclusion,
      reason: reasonOf(conclusion, { end, late, why: why ?? null }),
      exitAddress: agreedAddress(answers),
      expectedAddress: network.expectedAddress,
      seen: answers.flatMap(({ url, address }) =>
        address === null ? [] : [{ source: new URL(url).host, address }],
      ),
      resolver: asked?.resolvers[0] ?? null,
      latencyMs: probes.connectUrl === null ? null : (connected?.latencyMs ?? null),
    });
    log.info(
      { sandbox: target.sandboxId, cause: target.cause, verdict: proof.verdict, reason: proof.reason },
      `the way out was looked at: ${proof.verdict}`,
    );
    return proof;
  }

  return {
    prove: (target, options) => slots.run(options.signal, () => prove(target, options)),
    keys: () => [{ keyId: key.keyId, publicKey: key.publicKey }],
  };
}

/** `end`: it did all that it was asked. */
function parsed(line: string): Observation | 'end' | null {
  try {
    const value: unknown = JSON.parse(line);
    if (probeEndSchema.safeParse(value).success) return 'end';
    return observationSchema.parse(value);
  } catch {
    return null;
  }
}

/** The datagram that was sent blind did arrive: nothing came back, but the host was reached. */
function reachedHost(check: ProofCheck): ProofCheck {
  if (check.name !== 'refused.host' || check.result === 'fail') return check;
  return { ...check, result: 'fail', detail: 'A datagram from the sandbox arrived at this host itself.' };
}

function reasonOf(
  { verdict, reason }: Conclusion,
  { end, late, why }: { end: ProbeEnd; late: boolean; why: string | null },
): string | null {
  if (verdict === 'incomplete') return missing(end, late) ?? reason;
  return reason === null || why === null ? reason : `${reason} ${why}`;
}

/** Why checks are missing, where the probe itself is the reason. */
function missing(end: ProbeEnd, late: boolean): string | null {
  if (end.outcome === 'no-probe')
    return "The sandbox's image is older than proofs: rebuild the sandbox to take the present image.";
  if (late) return 'The probe was not done in time: the machine is overloaded, prove again later.';
  if (end.outcome === 'failed') return 'The probe ended before its time: prove again, then look at the log.';
  return null;
}
