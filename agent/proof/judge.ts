import type { NetworkSpec } from '../../shared/agent-api';
import type { Egress } from '../../shared/egress';
import { type Proof, type ProofCheck, type ProofCheckName, proofChecks } from '../../shared/proof';
import { inWords, outcomeWords } from './error-words';
import type { Attempt, Observation } from './observation';

/** What a judgement rests on beside the observation. */
export interface JudgeFacts {
  network: NetworkSpec;
  /** The host's own resolvers and the addresses its uplink is seen with. */
  hostResolvers: readonly string[];
  host: readonly string[];
}

type Refusal = Extract<Observation, { check: `refused.${string}` }>;
type Verdict = Pick<ProofCheck, 'result' | 'detail'>;
const pass = (detail: string): Verdict => ({ result: 'pass', detail });
const fail = (detail: string): Verdict => ({ result: 'fail', detail });
const unknown = (detail: string): Verdict => ({ result: 'unknown', detail });

/** One observation as a check: the same for the same facts, no clock, no effects. */
export function judge(seen: Observation, facts: JudgeFacts): ProofCheck {
  return { name: seen.check, ms: Math.round(seen.ms), ...verdictOf(seen, facts) };
}
function verdictOf(seen: Observation, facts: JudgeFacts): Verdict {
  switch (seen.check) {
    case 'connect':
      return connect(seen, facts);
    case 'exit-address':
      return exitAddress(seen.answers, facts);
    case 'dns':
      return dns(seen, facts);
    default:
      return refused(seen);
  }
}

function connect(seen: Extract<Observation, { check: 'connect' }>, { network }: JudgeFacts): Verdict {
  const { connectUrl } = network.probes;
  if (connectUrl === null) return unknown('No address to connect to is set (CONNECT_URL).');
  const where = new URL(connectUrl).host;
  if (seen.status === 200 || seen.status === 204)
    return pass(`${where} answered after ${Math.round(seen.latencyMs ?? seen.ms)} ms.`);
  if (seen.status !== null) {
    return fail(`${where} answered with status ${seen.status} in place of 200 or 204: something is between.`);
  }
  return fail(`${where} was not reached: ${inWords(seen.error ?? 'no answer')}.`);
}

type Answers = Extract<Observation, { check: 'exit-address' }>['answers'];
/** The address that most services saw, when at least two of them did and no other address has as many. */
export function agreedAddress(answers: Answers): string | null {
  const votes = new Map<string, number>();
  for (const { address } of answers) if (address !== null) votes.set(address, (votes.get(address) ?? 0) + 1);
  const [first, second] = [...votes].sort((a, b) => b[1] - a[1]);
  return first !== undefined && first[1] >= 2 && first[1] > (second?.[1] ?? 0) ? first[0] : null;
}

function exitAddress(answers: Answers, { network, host, hostResolvers }: JudgeFacts): Verdict {
  const { expectedAddress: expected, egress, proof, probes } = network;
  if (probes.echoUrls.length === 0) return unknown('No echo service is set (ECHO_URLS).');
  const seen = answers.filter((it) => it.address !== null);
  const told = seen.map((it) => `${nameOf(it.url)} saw ${it.address}`).join(', ');
  if (seen.length === 0) {
    const text = `None of ${answers.length} echo services answered: ${inWords(answers[0]?.error ?? 'no answer')}.`;
    return proof === 'gate' ? fail(text) : unknown(text);
  }
  const own = [...host, ...hostResolvers];
  if (egress.kind !== 'direct' && expected === null) {
    const by = seen.find((it) => own.includes(it.address ?? ''));
    if (by)
      return fail(`${nameOf(by.url)} saw ${by.address}, an address of this host: the egress is passed by.`);
  }
  const agreed = agreedAddress(answers);
  if (expected !== null) {
    const other = seen.filter((it) => it.address !== expected);
    // Even one: what it saw left by another way than it should.
    if (other.length > 0) return fail(`The exit address must be ${expected}, but ${told}.`);
  }
  if (agreed === null) {
    if (seen.length === 1) return unknown(`Only one echo service answered (${told}); two must agree.`);
    return fail(`The echo services do not agree: ${told}.`);
  }
  return pass(`${told}.`);
}

function dns(seen: Extract<Observation, { check: 'dns' }>, { network, hostResolvers }: JudgeFacts): Verdict {
  if (network.probes.dnsEcho === null) return unknown('No DNS echo name is set (DNS_ECHO).');
  if (seen.resolvers.length === 0) {
    return unknown(
      `The DNS echo name was not answered: ${inWords(seen.error ?? 'no address in the answer')}.`,
    );
  }
  const by = seen.resolvers.join(', ');
  if (network.egress.kind === 'direct') return pass(`Names are asked for by ${by}.`);
  const leak = seen.resolvers.find((it) => hostResolvers.includes(it));
  if (leak !== undefined) return fail(`Names are asked for by ${leak}, which is this host's own resolver.`);
  return pass(`Names are asked for by ${by}, which is none of this host's resolvers.`);
}

/** Plain datagrams towards what the sandbox's own rules refuse: these say no to `sendto` itself. */
const strictWays = ['udp', 'udp6', 'icmp'];
function refused({ attempts, found }: Refusal): Verdict {
  if (found.length > 0) return fail(`The sandbox has what it must not have: ${found.join(', ')}.`);
  const bad = attempts.filter(reached);
  if (bad.length > 0) {
    const told = bad.slice(0, 3).map((it) => `${it.to} by ${it.way} ${outcomeWords[it.outcome]}`);
    const more = bad.length > 3 ? ` and ${bad.length - 3} more` : '';
    return fail(`It must be refused, but ${told.join(', ')}${more}.`);
  }
  if (attempts.length === 0) return pass('There is nothing to try: all of it is granted, or there is none.');
  return pass(`${attempts.length} tries, none got anywhere (${reasonsOf(attempts)}).`);
}

/**
 * `answered` is a leak by any means. A connection that is held open was taken by somebody: sing-box refuses at once.
 * A datagram that the kernel took where the sandbox's own rules must refuse it shows that these rules do not hold.
 * A raw frame on the tun may be taken (it passes by those rules) and ends in sing-box, and what is sent on `lo` comes
 * back on it: there only an answer counts.
 */
function reached({ outcome, way }: Attempt): boolean {
  if (outcome === 'answered' || outcome === 'silent') return true;
  return outcome === 'sent' && strictWays.includes(way);
}

function reasonsOf(attempts: readonly Attempt[]): string {
  const counts = new Map<string, number>();
  for (const { outcome, error } of attempts) {
    const key = error === null ? outcomeWords[outcome] : inWords(error);
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  return [...counts]
    .sort((a, b) => b[1] - a[1])
    .map(([key, count]) => `${key}: ${count}`)
    .join(', ');
}

const nameOf = (url: string) => new URL(url).host;

export interface Conclusion extends Pick<Proof, 'verdict' | 'reason' | 'checks'> {}

/** The sentence to each failed check: what to do. */
const mends: Record<ProofCheckName, string> = {
  connect: 'Test the egress, then look at its server and credentials.',
  'exit-address': 'Correct the expected address if it is right so, or choose another egress.',
  dns: 'Give the egress a DNS server that is asked through it.',
  'refused.tcp': 'Rebuild the sandbox; if it stays, look at the firewall of the host.',
  'refused.udp': 'Rebuild the sandbox; if it stays, look at the firewall of the host.',
  'refused.icmp': 'Rebuild the sandbox; if it stays, look at the firewall of the host.',
  'refused.ipv6': 'Rebuild the sandbox; if it stays, look at the IPv6 settings of Docker.',
  'refused.dot': 'Rebuild the sandbox; if it stays, look at the firewall of the host.',
  'refused.metadata': 'Stop the sandbox and change the credentials that the metadata service gives out.',
  'refused.host': 'Stop the sandbox and look at the firewall of the host.',
  'refused.neighbours': 'Stop the sandbox and look at the firewall of the host.',
  'refused.raw': 'Stop the sandbox and look at the networks that its container is connected to.',
};

/** `direct` has no server and no credentials: what is wrong is on the host. */
const mendsDirect: Partial<Record<ProofCheckName, string>> = {
  connect: 'Look at the uplink, the name server and the firewall of this host.',
  'exit-address': 'Correct the expected address, or look by which uplink this host sends.',
};

/** All checks in their order, those that the probe did not get to as unknown; then the verdict and why. */
export function conclude(judged: readonly ProofCheck[], kind: Egress['kind']): Conclusion {
  const checks = proofChecks.map(
    (name): ProofCheck =>
      judged.find((it) => it.name === name) ?? {
        name,
        ...unknown('The probe did not get to it in time.'),
        ms: 0,
      },
  );
  const failed = checks.filter((it) => it.result === 'fail');
  // A leak is what matters, even where the connection fails too.
  const worst = failed.find((it) => it.name.startsWith('refused.')) ?? failed[0];
  if (worst) {
    const others = failed.filter((it) => it !== worst).map((it) => it.name);
    const more = others.length > 0 ? ` Failed as well: ${others.join(', ')}.` : '';
    const mend = (kind === 'direct' ? mendsDirect[worst.name] : undefined) ?? mends[worst.name];
    return { checks, verdict: 'red', reason: `${worst.detail} ${mend}${more}` };
  }
  const open = checks.filter((it) => it.result === 'unknown');
  if (open.length > 0) {
    const names = open.map((it) => it.name).join(', ');
    return { checks, verdict: 'incomplete', reason: `Not judged: ${names}. ${open[0]?.detail ?? ''}` };
  }
  return { checks, verdict: 'green', reason: null };
}
