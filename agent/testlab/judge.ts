/**
 * The judge of the leak laboratory: every frame that leaves the host under test and is not of the tunnel. It looks on
 * all links of the host and once more on the far side of its cable, where frames appear that no local tap sees
 * (AF_PACKET with PACKET_QDISC_BYPASS).
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { type Egress, egressEndpoint } from '../../shared/egress';
import { REFUSED_IPV4 } from '../plan/ranges';
import { HOST, HOST_RESOLVER, LAN_HTTP_PORT, type Machine, UDP_ECHO_PORT } from './machine';

export interface Judge {
  /** What was seen so far. */
  readonly frames: readonly string[];
  /** Ends the captures and gives every frame that should not have been: empty = nothing leaked. */
  verdict(): Promise<string[]>;
}

/** pcap-filter(7) expression of the frames that this way out may send from the host. */
export function framesOf(egress: Egress, address?: string): string {
  const endpoint = egressEndpoint(egress);
  if (endpoint === null) {
    // The host's own uplink: TCP and UDP to the Internet, and questions to the host's resolver.
    const refused = REFUSED_IPV4.map((it) => `dst net ${it}`).join(' or ');
    const public_ = `src host ${HOST.address} and (tcp or udp) and not (${refused}) and not dst net 198.51.100.0/24`;
    return `(${public_}) or (${questions})`;
  }
  const ports = endpoint.ports.map((it) =>
    typeof it === 'number' ? `dst port ${it}` : `dst portrange ${it.from}-${it.to}`,
  );
  const there = `src host ${HOST.address} and dst host ${address ?? endpoint.host}`;
  const allowed = endpoint.protocols.map((it) => {
    // UDP ASSOCIATE: the server names the port.
    if (egress.kind === 'socks5' && it === 'udp') return `(${there} and udp)`;
    return `(${there} and ${it} and (${ports.join(' or ')}))`;
  });
  // What the kernel answers when a datagram comes for a sing-box that was killed.
  if (endpoint.protocols.includes('udp'))
    allowed.push(`(${there} and icmp and icmp[icmptype] == icmp-unreach)`);
  return allowed.join(' or ');
}
/** Questions of the host itself, such as for the name of a proxy. */
export const questions = `dst host ${HOST_RESOLVER.address} and dst port 53 and (tcp or udp)`;

/**
 * What the host itself answers to an address of the Internet that knocks: a proxy that was asked for the host's own
 * public address does. It is no frame of the sandbox.
 */
export function answersTo(address: string): string {
  const own = `src port ${LAN_HTTP_PORT} or src port ${UDP_ECHO_PORT} or icmp[icmptype] == icmp-unreach`;
  return `src host ${HOST.address} and dst host ${address} and (${own} or tcp[tcpflags] & tcp-rst != 0)`;
}

/** The kernel's own: multicast listener reports of the host's link, and what a refusal says to the local sender. */
const OF_THE_KERNEL = 'ip6 and dst host ff02::16';

/** Starts to look; `allowed` are pcap-filter expressions. Resolves when every capture listens. */
export async function judge(machine: Machine, allowed: readonly string[]): Promise<Judge> {
  const filter = `not (${[...allowed, OF_THE_KERNEL].map((it) => `(${it})`).join(' or ')})`;
  const frames: string[] = [];
  const captures = await Promise.all([
    tap(machine.host, ['-i', 'any', '-Q', 'out', filter], (line) => {
      if (!isRefusalToLocalSender(line)) frames.push(`host: ${line}`);
    }),
    tap(machine.internet, ['-i', 'host', '-Q', 'in', filter], (line) => frames.push(`cable: ${line}`)),
  ]);
  return {
    frames,
    async verdict() {
      await Promise.all(captures.map((it) => it.stop()));
      return frames;
    },
  };
}

/**
 * What a way out is used for: every frame from its exit address to anywhere on the Internet but what `allowed`, pcap-filter
 * expressions, say. For policies, which are about what goes through the tunnel.
 */
export async function judgeExit(machine: Machine, exit: string, allowed: readonly string[]): Promise<Judge> {
  const but = [`dst host ${HOST.address}`, ...allowed].map((it) => `(${it})`).join(' or ');
  const frames: string[] = [];
  const watched = `ip and src host ${exit} and not (${but})`;
  const capture = await tap(machine.internet, ['-i', 'any', watched], (line) => frames.push(line));
  return {
    frames,
    async verdict() {
      await capture.stop();
      return frames;
    },
  };
}

/** `reject` in the host's table answers the sending socket over lo: such a frame never leaves. */
function isRefusalToLocalSender(line: string): boolean {
  return /^\S+ lo\s+Out .*ICMP6?,? .*(unreachable|prohibited)/.test(line);
}

async function tap(namespace: string, args: string[], onLine: (line: string) => void) {
  const command = [`--net=${namespace}`, '--', 'tcpdump', '-n', '-l', '--immediate-mode', ...args];
  const child: ChildProcess = spawn('nsenter', command, { stdio: ['ignore', 'pipe', 'pipe'] });
  let rest = '';
  child.stdout?.on('data', (chunk: Buffer) => {
    const lines = (rest + chunk.toString()).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) if (line !== '') onLine(line);
  });
  await new Promise<void>((resolve, reject) => {
    let said = '';
    child.once('exit', () => reject(new Error(`tcpdump ended: ${said}`)));
    child.stderr?.on('data', (chunk: Buffer) => {
      said += chunk.toString();
      if (said.includes('listening on')) resolve();
    });
  });
  const closed = once(child, 'close');
  return {
    async stop() {
      // On SIGINT tcpdump first writes what the kernel still holds for it.
      child.kill('SIGINT');
      await closed;
    },
  };
}
