/** Proves ways out: what the rest of the agent may ask of it. */
import type { AgentCheck, NetworkSpec } from '../../shared/agent-api';
import type { ProbeSettings, Proof } from '../../shared/proof';

export interface ProofTarget {
  /** Null for a test of an egress that is bound to nothing. */
  sandboxId: string | null;
  /** The container whose network namespace is looked at from inside. */
  containerName: string;
  /** Image of the container that looks: ours, never what the sandbox's root may have changed. */
  image: string;
  network: NetworkSpec;
  cause: Proof['cause'];
  /** Addresses that must not be reached from inside: the host's own and those of other sandboxes. */
  host: readonly string[];
  neighbours: readonly string[];
  /** A red proof never names these as resolver: the host's own and the address its uplink is seen with. */
  hostResolvers: readonly string[];
}

export interface Prover {
  /** One proof; a red one is a result, not an error. Throws only when it could not be taken at all. */
  prove(
    target: ProofTarget,
    options: {
      signal: AbortSignal;
      onCheck?: (check: AgentCheck) => void;
      /** Asked when the connection failed: a sentence on why, to be added to the reason. */
      explain?: () => Promise<string | null>;
    },
  ): Promise<Proof>;
  /** For `health`, newest first. */
  keys(): readonly { keyId: string; publicKey: string }[];
}

/**
 * SO_MARK of every packet that the probe sends in a sandbox's namespace. A sandbox has neither NET_ADMIN nor NET_RAW,
 * one of which the kernel asks for it (socket(7)), so rules may let out what has this mark while nothing else may pass:
 * that is how a proof is taken before the gate opens. It means nothing outside the namespace.
 */
export const PROBE_MARK = 0x0cc0_9e0f;

/** The label that stands for `{unique}`: hexadecimal digits, 80 bits, so never asked before by anybody. */
export const UNIQUE_LABEL_CHARS = 20;

/** Names that the probe asks for and speaks to: a domain policy must not refuse them to it. */
export function probeHosts({ connectUrl, echoUrls, dnsEcho }: ProbeSettings): string[] {
  const urls = [...(connectUrl === null ? [] : [connectUrl]), ...echoUrls];
  const zone = dnsEcho?.name.replace(/^\{unique\}\./, '');
  return [...new Set([...urls.map((it) => new URL(it).hostname), ...(zone === undefined ? [] : [zone])])];
}
