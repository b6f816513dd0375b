/** Tries ways out that are bound to nothing: a test in stages, and a document fetched through one. */
import type { Logger } from 'pino';
import type { AgentCheck, AgentOutput, agentOps, NetworkSpec } from '../../shared/agent-api';
import { egressEndpoint } from '../../shared/egress';
import { openPolicy } from '../../shared/network-policy';
import type { Proof } from '../../shared/proof';
import { isAddress } from '../plan/singbox';
import type { Prover } from '../proof/contract';
import { Slots } from '../proof/slots';
import { fetchFrom } from './fetch';
import { inPlace, type Place, type PlaceParts, sweepPlaces } from './place';
import { reach } from './reach';
import { createStages } from './stages';

/** Each has a container, a sing-box of some 35 MB and a firewall slot; subscriptions are refreshed one by one. */
const EGRESS_TESTS_AT_ONCE = 3;

type Input<O extends 'egress.test' | 'egress.fetch'> = ReturnType<(typeof agentOps)[O]['input']['parse']>;

export interface EgressTestOptions extends PlaceParts {
  prover: Prover;
  /** The host's own, IPv4. */
  resolvers: readonly string[];
  log: Logger;
}
export interface EgressTest {
  test(
    input: Input<'egress.test'>,
    work: { signal: AbortSignal; onCheck(check: AgentCheck): void },
  ): Promise<Proof>;
  fetch(input: Input<'egress.fetch'>, signal: AbortSignal): Promise<AgentOutput<'egress.fetch'>>;
  /** Once, before the first of the two. */
  sweep(): Promise<void>;
  /** Resolves when what runs has ended and is taken away; their signals have to fire for it. */
  close(): Promise<void>;
}

export function createEgressTest(options: EgressTestOptions): EgressTest {
  const { prover, resolvers, records, log } = options;
  const slots = new Slots(EGRESS_TESTS_AT_ONCE);
  const running = new Set<Promise<unknown>>();
  async function tracked<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    const done = slots.run(signal, work);
    running.add(done);
    return done.finally(() => running.delete(done));
  }

  async function test(
    network: NetworkSpec,
    { signal, onCheck }: { signal: AbortSignal; onCheck(check: AgentCheck): void },
  ): Promise<Proof> {
    const stages = createStages(onCheck);
    return inPlace(options, { network, signal }, async (place) => {
      const addresses = await resolved(network, place, stages);
      await connected(network, addresses, { stages, signal });
      stages.begin('handshake', 'Making the tunnel and the first connection through it.');
      await place.open(signal).catch((error: unknown) => {
        stages.fail('handshake', error instanceof Error ? error.message : String(error));
        throw error;
      });
      stages.begin('exit-address', 'Asking the echo services which address they see.');
      stages.begin('dns', 'Asking for a name that nobody has asked for before.');
      stages.begin('refused', 'Trying what must be refused.');
      const { own, routers } = await options.network.around.now();
      return prover.prove(
        {
          sandboxId: null,
          containerName: place.containerName,
          image: place.image,
          network,
          cause: 'test',
          host: own,
          neighbours: routers,
          hostResolvers: [...resolvers, ...own],
        },
        {
          signal,
          onCheck: ({ check }) => check && stages.checked(check),
          explain: () => place.way.tunnel.complaint(network.egress.kind !== 'direct'),
        },
      );
    });
  }

  async function resolved(
    network: NetworkSpec,
    place: Place,
    stages: ReturnType<typeof createStages>,
  ): Promise<readonly string[]> {
    const host = egressEndpoint(network.egress)?.host;
    let addresses: readonly string[] = host === undefined ? [] : [host];
    await stages.run('resolve', "Looking up the server's name.", async () => {
      await place.way.prepare(network);
      if (host === undefined) return 'The way out is direct: there is no server.';
      if (isAddress(host)) return `${host} is an address.`;
      addresses = (await records.read(place.id)).names[host] ?? [];
      return `${host} is ${addresses.join(', ')}.`;
    });
    return addresses;
  }

  async function connected(
    { egress }: NetworkSpec,
    addresses: readonly string[],
    { stages, signal }: { stages: ReturnType<typeof createStages>; signal: AbortSignal },
  ): Promise<void> {
    const endpoint = egressEndpoint(egress);
    const [port] = endpoint?.ports ?? [];
    await stages.run('connect', 'Connecting to the server.', async () => {
      if (endpoint === null) return 'The way out is direct: there is no server.';
      if (!endpoint.protocols.includes('tcp') || typeof port !== 'number') {
        return 'It speaks UDP, which has no connection of its own: the handshake shows whether it answers.';
      }
      return `${await reach(addresses, port, signal)} took a connection on port ${port}.`;
    });
  }

  return {
    test: (input, work) =>
      tracked(work.signal, () => test({ ...input, policy: openPolicy, proof: 'gate' }, work)),

    fetch: (input, signal) =>
      tracked(signal, async () => {
        const network: NetworkSpec = {
          egressId: null,
          egress: input.egress,
          dns: input.dns,
          expectedAddress: null,
          policy: openPolicy,
          proof: 'off',
          probes: { connectUrl: null, echoUrls: [], dnsEcho: null, intervalSeconds: 900 },
        };
        return inPlace(options, { network, signal }, async (place) => {
          await place.open(signal);
          return fetchFrom(options, place, { ...input, signal });
        });
      }),

    async close() {
      await Promise.allSettled(running);
    },

    async sweep() {
      try {
        const swept = await sweepPlaces(options);
        if (swept > 0) log.info({ swept }, 'took away tests of ways out that an earlier agent left');
      } catch (error) {
        log.warn({ err: error }, 'could not look for tests of ways out that an earlier agent left');
      }
    },
  };
}
