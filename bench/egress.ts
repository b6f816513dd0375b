/** Through a sandbox's way out against sing-box run plainly by hand, the same server in one run. See README. */
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { WEB } from '../agent/testlab/machine';
import { startPlainClient } from '../agent/testlab/plain-client';
import { createScene, networkOf } from '../agent/testlab/scene';
import type { SandboxSpec } from '../shared/agent-api';
import type { Egress } from '../shared/egress';
import { loadAverage, quantile } from './processes';

const run = promisify(execFile);
const MiB = 1 << 20;
const [rounds = '3', size = '512', ...names] = process.argv.slice(2);
const ROUNDS = Number(rounds);
const BYTES = Number(size) * MiB;
const KINDS = ['direct', 'ss-2022', 'vless-reality', 'hysteria2', 'wireguard'] as const;
/** Connections one after another, each to its first byte. */
const REQUESTS = 200;
/** Both ends get what a development machine has, so that the sandbox's processor limit is not what is measured. */
const CPUS = 2;

/** Runs where the way out is: one download, then connections; prints one JSON object. */
const METER = `
import http.client, json, socket, sys, time
host, size, requests = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
def get(path):
    # sing-box's Shadowsocks server closes one connection in some hundred: "bad request salt" (1.12.12).
    for left in (2, 1, 0):
        it = http.client.HTTPConnection(host, 80, timeout=120); it.request('GET', path)
        try: return it.getresponse()
        except http.client.RemoteDisconnected:
            if not left: raise
get('/bytes/1048576').read()
begin = time.perf_counter(); answer = get(f'/bytes/{size}'); buffer = memoryview(bytearray(1 << 20)); total = 0
while count := answer.readinto(buffer): total += count
seconds = time.perf_counter() - begin
assert total == size
times, lost = [], 0
for _ in range(requests):
    begin = time.perf_counter()
    try:
        with socket.create_connection((host, 80), 5) as it:
            it.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            it.sendall(b'GET /ip HTTP/1.0\\r\\n\\r\\n'); it.recv(1)
        times.append((time.perf_counter() - begin) * 1000)
    except (TimeoutError, ConnectionResetError, BrokenPipeError):
        lost += 1
print(json.dumps({'mbps': size / seconds / 1e6, 'times': times, 'lost': lost}))
`;
const meter = ['python3', '-c', METER, WEB[1], String(BYTES), String(REQUESTS)];

interface Sample {
  mbps: number;
  times: number[];
  /** Connections without an answer in 5 s, when sing-box may end them too; not among the times. */
  lost: number;
}

/** Proportional memory of one process, kB. */
async function pss(pid: number): Promise<number> {
  const text = await readFile(`/proc/${pid}/smaps_rollup`, 'utf8');
  return Number(/^Pss:\s+(\d+)/m.exec(text)?.[1] ?? Number.NaN);
}

const notes: string[] = [];
// In a process of its own: esbuild does not come back from a program that tsx runs.
await run(process.execPath, [`${import.meta.dirname}/../setup/root-tests.mjs`]);
const loadBefore = await loadAverage();
const scene = await createScene();
try {
  const plain = await startPlainClient(scene.machine, CPUS);
  try {
    const base = scene.lab.newSpec();
    const box: SandboxSpec = { ...base, limits: { ...base.limits, cpus: CPUS } };
    const name = scene.lab.name(box.id);
    const ours = async (): Promise<Sample> =>
      JSON.parse((await run('docker', ['exec', name, ...meter])).stdout);
    const theirs = async (): Promise<Sample> => JSON.parse((await plain.inside(meter)).stdout);
    const answers = async (ask: () => Promise<{ code: number }>) => {
      while ((await ask()).code !== 0);
    };

    const line = (cells: (string | number)[]) => process.stdout.write(`| ${cells.join(' | ')} |\n`);
    line([
      ...[
        '',
        'MB/s ours',
        'plain',
        'ratio',
        'connect to first byte p50 ms ours',
        'plain',
        'p99 ms ours',
        'plain',
      ],
      ...['sing-box PSS MB ours', 'plain', 'switch to first answer ms'],
    ]);
    line(Array.from({ length: 11 }, () => '---'));
    for (const kind of KINDS) {
      if (names.length > 0 && !names.includes(kind)) continue;
      const proxy = kind === 'direct' ? null : await scene.proxies.open(kind);
      const egress: Egress = proxy?.egress ?? { kind: 'direct' };
      const began = performance.now();
      await scene.lab.call('sandbox.ensure', { ...box, network: networkOf(egress) });
      const web = ['curl', '-sS', '-m', '2', '-o', '/dev/null', `http://${WEB[0]}/`];
      await answers(() => scene.lab.inside(box.id, 'claude', web));
      const switchMs = performance.now() - began;
      // One key is one peer: two clients with it would take the session from each other.
      const peer = kind === 'wireguard' ? await scene.proxies.open(kind) : proxy;
      await plain.use(peer?.egress ?? null);
      await answers(() => plain.inside(web));

      const samples = { ours: [] as Sample[], plain: [] as Sample[] };
      for (let round = 0; round < ROUNDS; round += 1) {
        // A B, B A, A B: a drift of the machine hits both.
        const order = [
          async () => samples.ours.push(await ours()),
          async () => samples.plain.push(await theirs()),
        ];
        for (const one of round % 2 === 0 ? order : order.reverse()) await one();
      }
      const speed = (it: Sample[]) =>
        quantile(
          it.map(({ mbps }) => mbps),
          0.5,
        );
      const wait = (it: Sample[], q: number) =>
        quantile(
          it.flatMap(({ times }) => times),
          q,
        ).toFixed(2);
      // WireGuard has two.
      const memory = await Promise.all((await scene.lab.singBoxPids()).map(pss));
      line([
        ...[kind, speed(samples.ours).toFixed(0), speed(samples.plain).toFixed(0)],
        (speed(samples.ours) / speed(samples.plain)).toFixed(2),
        ...[
          wait(samples.ours, 0.5),
          wait(samples.plain, 0.5),
          wait(samples.ours, 0.99),
          wait(samples.plain, 0.99),
        ],
        ...[
          (memory.reduce((sum, it) => sum + it, 0) / 1024).toFixed(0),
          ((await pss(plain.singBoxPid())) / 1024).toFixed(0),
        ],
        switchMs.toFixed(0),
      ]);
      const lost = (it: Sample[]) => it.reduce((sum, { lost }) => sum + lost, 0);
      if (lost(samples.ours) + lost(samples.plain) > 0)
        notes.push(`${kind}: without an answer, ours ${lost(samples.ours)}, plain ${lost(samples.plain)}`);
      await Promise.all([proxy?.stop(), peer?.stop()]);
    }
    for (const note of notes) process.stdout.write(`\n${note}`);
    process.stdout.write(`\n${size} MiB, ${ROUNDS} rounds; load average before ${loadBefore}, `);
    process.stdout.write(`after ${await loadAverage()}\n`);
  } finally {
    await plain.close();
  }
} finally {
  await scene.close();
}
