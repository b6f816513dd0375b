/**
 * A computer with an Internet around it, all of network namespaces: nothing in it leaves this machine, and nothing
 * of this machine is in it, so every frame on its links is of the agent under test.
 *
 *   host (198.51.100.10, 192.168.77.10) --- lan (gateway 198.51.100.1, 192.168.77.1) --- neighbour (.20)
 *                                            |
 *                                           wan 192.0.2.0/24: web .80 and .81, zone .53, public resolver 1.1.1.1
 *                                            |   (asks from .54), a namespace for each proxy (.100 and up)
 */
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { run } from '../apply/run';
import { type Program, startProgram } from './program';

export const HOST = { address: '198.51.100.10', lan: '192.168.77.10', ipv6: '2001:db8:1::10' } as const;
export const GATEWAY = { address: '198.51.100.1', lan: '192.168.77.1', ipv6: '2001:db8:1::1' } as const;
export const NEIGHBOUR = { address: '198.51.100.20', lan: '192.168.77.20' } as const;
export const WEB = ['192.0.2.80', '192.0.2.81'] as const;
export const METADATA = '169.254.169.254';
/** The host's own resolver, as a home router's; it asks the zone from `from`. */
export const HOST_RESOLVER = { address: GATEWAY.lan, from: GATEWAY.address } as const;
export const PUBLIC_RESOLVER = { address: '1.1.1.1', from: '192.0.2.54' } as const;
export const ZONE = 'lab.test';
export const ZONE_SERVER = '192.0.2.53';
export const UDP_ECHO_PORT = 7007;
/** On every machine of the LAN: what a leak would reach. */
export const LAN_HTTP_PORT = 8080;

const ROUTER_RULES = `table ip router {
  chain prerouting {
    type filter hook prerouting priority raw;
    iifname "wan" ip daddr { 192.168.0.0/16, 169.254.0.0/16 } drop
  }
}
`;
const MAC = { gateway: '02:cc:00:00:00:01', host: '02:cc:00:00:00:10', neighbour: '02:cc:00:00:00:20' };

export interface Machine {
  instance: string;
  /** Paths of namespace files. */
  host: string;
  internet: string;
  /** A new namespace on the Internet with this address; gives its path. */
  attach(name: string, address: string): Promise<string>;
  /** Gives the namespace of a process a link: a server of the Internet, or one more machine of the LAN. */
  attachProcess(pid: number, address: string): Promise<void>;
  detach(name: string): Promise<void>;
  /** Web servers, zone and resolvers; its events are the log of who asked what. */
  startServices(tls: { key: string; cert: string }): Promise<Services>;
  /** What there is to attack on the LAN: the host's own server, a neighbour, metadata. */
  startNeighbours(): Promise<void>;
  /** In the host's namespace. */
  onHost(command: readonly string[], okCodes?: readonly number[]): Promise<string>;
  close(): Promise<void>;
}

export interface LabEvent {
  dns?: string;
  http?: string;
  udp?: number;
  type?: string;
  from?: string;
  to?: string;
  host?: string;
}
export interface Services {
  readonly events: LabEvent[];
  /** Gives a name of the zone another address; an array takes turns. */
  name(name: string, address: string | string[]): Promise<void>;
}

export async function createMachine(instance: string): Promise<Machine> {
  const prefix = `ccl-${instance}`;
  const path = (name: string) => `/run/netns/${name}`;
  const [host, internet, neighbour] = [`${prefix}-host`, `${prefix}-net`, `${prefix}-nb`];
  const made: string[] = [];
  const programs: Program[] = [];

  async function add(name: string): Promise<void> {
    await run(['ip', 'netns', 'add', name]);
    made.push(name);
    // No frame of the kernel's own: no duplicate address detection, no router solicitations, no addresses made up.
    await run([
      ...['nsenter', `--net=${path(name)}`, '--', 'sysctl', '-q', '-w'],
      ...['net.ipv6.conf.default.accept_dad=0', 'net.ipv6.conf.default.router_solicitations=0'],
      'net.ipv6.conf.default.addr_gen_mode=1',
    ]);
  }
  const batch = (name: string, lines: string[]) =>
    run(['ip', '-n', name, '-batch', '-'], { input: `${lines.join('\n')}\n` });

  for (const name of [host, internet, neighbour]) await add(name);
  await batch(internet, [
    'link set lo up',
    `link add lan address ${MAC.gateway} type bridge`,
    'link add wan type bridge',
    `link add host type veth peer name eth0 netns ${host}`,
    `link add nb type veth peer name eth0 netns ${neighbour}`,
    ...['host', 'nb'].map((it) => `link set ${it} master lan up`),
    ...['lan', 'wan'].map((it) => `link set ${it} up`),
    ...[`${GATEWAY.address}/24`, `${GATEWAY.lan}/24`, `${METADATA}/32`].map((it) => `addr add ${it} dev lan`),
    `addr add ${GATEWAY.ipv6}/64 dev lan nodad`,
    `addr add 192.0.2.1/24 dev wan`,
    ...[...WEB, ZONE_SERVER, PUBLIC_RESOLVER.from, PUBLIC_RESOLVER.address].map(
      (it) => `addr add ${it}/32 dev wan`,
    ),
    `neigh add ${HOST.address} lladdr ${MAC.host} dev lan nud permanent`,
    `neigh add ${HOST.lan} lladdr ${MAC.host} dev lan nud permanent`,
    `neigh add ${HOST.ipv6} lladdr ${MAC.host} dev lan nud permanent`,
  ]);
  await run(['nsenter', `--net=${path(internet)}`, '--', 'sysctl', '-q', '-w', 'net.ipv4.ip_forward=1']);
  // As any router would: nobody on the Internet gets to a private address behind it.
  await run(['nsenter', `--net=${path(internet)}`, '--', 'nft', '-f', '-'], { input: ROUTER_RULES });
  await batch(host, [
    'link set lo up',
    `link set eth0 address ${MAC.host} up`,
    `addr add ${HOST.address}/24 dev eth0`,
    `addr add ${HOST.lan}/24 dev eth0`,
    `addr add ${HOST.ipv6}/64 dev eth0 nodad`,
    'addr add fe80::10/64 dev eth0 nodad',
    // Known for good: an ARP frame would be one too many for the judge.
    ...[GATEWAY.address, GATEWAY.lan, GATEWAY.ipv6, METADATA].map(
      (it) => `neigh add ${it} lladdr ${MAC.gateway} dev eth0 nud permanent`,
    ),
    `route add default via ${GATEWAY.address}`,
    `route add default via inet6 ${GATEWAY.ipv6}`,
  ]);
  await batch(neighbour, [
    'link set lo up',
    `link set eth0 address ${MAC.neighbour} up`,
    `addr add ${NEIGHBOUR.address}/24 dev eth0`,
    `addr add ${NEIGHBOUR.lan}/24 dev eth0`,
    `route add default via ${GATEWAY.address}`,
  ]);

  const services = fileURLToPath(new URL('./services.mjs', import.meta.url));
  async function serve(name: string, roles: object): Promise<Program> {
    const program = await startProgram([process.execPath, services, JSON.stringify(roles)], {
      namespace: path(name),
      ready: 'json',
    });
    programs.push(program);
    return program;
  }
  let cables = 0;

  return {
    instance,
    host: path(host),
    internet: path(internet),

    async attach(name, address) {
      const full = `${prefix}-${name}`;
      await add(full);
      cables += 1;
      await batch(internet, [
        `link add p${cables} type veth peer name eth0 netns ${full}`,
        `link set p${cables} master wan up`,
      ]);
      await batch(full, [
        'link set lo up',
        'link set eth0 up',
        `addr add ${address}/24 dev eth0`,
        'route add default via 192.0.2.1',
      ]);
      return path(full);
    },
    async attachProcess(pid, address) {
      cables += 1;
      await batch(internet, [
        `link add p${cables} type veth peer name eth0 netns ${pid}`,
        `link set p${cables} master ${address.startsWith('192.0.2.') ? 'wan' : 'lan'} up`,
      ]);
      const gateway = address.startsWith('192.0.2.') ? '192.0.2.1' : GATEWAY.address;
      const lines = [
        'link set eth0 up',
        `addr add ${address}/24 dev eth0`,
        `route add default via ${gateway}`,
      ];
      await run(['nsenter', `--net=/proc/${pid}/ns/net`, '--', 'ip', '-batch', '-'], {
        input: `${lines.join('\n')}\n`,
      });
    },
    async detach(name) {
      await run(['ip', 'netns', 'delete', `${prefix}-${name}`]);
      made.splice(made.indexOf(`${prefix}-${name}`), 1);
    },

    async startServices(tls) {
      const program = await serve(internet, {
        http: WEB.map((it) => ({ host: it, port: 80 })),
        https: WEB.map((it) => ({ host: it, port: 443, ...tls })),
        udp: WEB.map((it) => ({ host: it, port: UDP_ECHO_PORT })),
        zone: { hosts: [ZONE_SERVER], name: ZONE, answer: WEB[0] },
        resolvers: [
          { host: HOST_RESOLVER.address, ask: ZONE_SERVER, from: HOST_RESOLVER.from },
          { host: PUBLIC_RESOLVER.address, ask: ZONE_SERVER, from: PUBLIC_RESOLVER.from, ...tls },
        ],
      });
      // Written by services.mjs beside this file.
      const events = program.events as (LabEvent & { set?: true })[];
      return {
        events,
        async name(name, address) {
          const before = events.filter((it) => it.set).length;
          program.send(JSON.stringify({ set: { [name]: address } }));
          while (events.filter((it) => it.set).length === before) await delay(5);
        },
      };
    },
    async startNeighbours() {
      const everywhere = (say: string) => ({
        http: [{ host: '::', port: LAN_HTTP_PORT, say }],
        udp: [{ host: '::', port: UDP_ECHO_PORT }],
      });
      await Promise.all([
        serve(host, everywhere('the host')),
        serve(neighbour, everywhere('the neighbour')),
        serve(internet, { http: [{ host: METADATA, port: 80, say: 'the metadata of' }] }),
      ]);
    },
    async onHost(command, okCodes = [0]) {
      const result = await run(['nsenter', `--net=${path(host)}`, '--', ...command], { okCodes });
      return result.stdout;
    },
    async close() {
      await Promise.all(programs.map((it) => it.stop()));
      for (const name of made) await run(['ip', 'netns', 'delete', name], { okCodes: [0, 1] });
    },
  };
}
