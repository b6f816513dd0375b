import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import packet, { type Packet, type Question } from 'dns-packet';
import fc from 'fast-check';
import pino from 'pino';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { answerTo } from './answer';
import { createEchoDns } from './dns';

const zone = { zone: 'echo.test', name: 'gateway.test' };
const log = pino({ level: 'silent' });
const dns = createEchoDns({ ...zone, host: '127.0.0.1', port: 0, log });
let port: number;
beforeAll(async () => {
  port = await dns.start();
});
afterAll(() => dns.close());

type AskedType = Question['type'] | 'ANY';
function question(name: string, type: AskedType, change: Partial<Packet> = {}): Buffer {
  // ANY is missing in the package's types only.
  const questions = [{ name, type: type as Question['type'] }];
  return packet.encode({ type: 'query', id: 7, flags: packet.RECURSION_DESIRED, questions, ...change });
}
/** RCODE: the low four bits of the fourth byte. */
const codeOf = (message: Buffer) => (message[3] ?? 0) & 0xf;

async function overUdp(message: Buffer): Promise<Buffer> {
  const socket = createSocket('udp4');
  try {
    socket.send(message, port, '127.0.0.1');
    const [answer] = (await once(socket, 'message')) as [Buffer];
    return answer;
  } finally {
    socket.close();
  }
}
async function overTcp(message: Buffer, cutAt: number): Promise<Buffer> {
  const client = connect(port, '127.0.0.1');
  const framed = Buffer.concat([Buffer.from([message.length >> 8, message.length & 0xff]), message]);
  client.setNoDelay();
  client.write(framed.subarray(0, cutAt));
  client.write(framed.subarray(cutAt));
  const [answer] = (await once(client, 'data')) as [Buffer];
  client.destroy();
  return answer.subarray(2);
}

describe('any name in the zone is the address of who asked', () => {
  test.each([
    ['A', 'x7f.echo.test', '127.0.0.1'],
    ['A', 'a.B.eChO.teSt', '127.0.0.1'],
    ['A', 'echo.test', '127.0.0.1'],
  ] as const)('%s %s', async (type, name, data) => {
    const answer = packet.decode(await overUdp(question(name, type)));
    expect(answer).toMatchObject({ id: 7, flag_aa: true, flag_rd: true, flag_ra: false });
    expect(answer.questions).toMatchObject([{ name, type }]);
    expect(answer.answers).toMatchObject([{ name, type, ttl: 0, data }]);
  });
  test('TXT, over TCP in two pieces', async () => {
    const message = question('y.echo.test', 'TXT');
    for (const cutAt of [1, 2, 9]) {
      const { answers } = packet.decode(await overTcp(message, cutAt));
      expect(answers?.map((it) => ('data' in it ? String(it.data) : ''))).toEqual(['127.0.0.1']);
    }
  });
  test('an IPv6 asker gets AAAA and no A', () => {
    const ask = (type: AskedType) =>
      packet.decode(answerTo(question('x.echo.test', type), '2001:db8::5', zone) ?? Buffer.of());
    expect(ask('AAAA').answers).toMatchObject([{ data: '2001:db8::5' }]);
    expect(ask('A')).toMatchObject({ answers: [], authorities: [{ type: 'SOA', name: 'echo.test' }] });
  });
});

test('the apex has SOA and NS, and there is no record of other types, not no such name', async () => {
  expect(packet.decode(await overUdp(question('echo.test', 'NS'))).answers).toMatchObject([
    { type: 'NS', data: 'gateway.test' },
  ]);
  expect(packet.decode(await overUdp(question('echo.test', 'SOA'))).answers).toMatchObject([
    { type: 'SOA', data: { mname: 'gateway.test' } },
  ]);
  const none = await overUdp(question('x.echo.test', 'MX'));
  expect(codeOf(none)).toBe(0);
  expect(packet.decode(none)).toMatchObject({ answers: [], authorities: [{ type: 'SOA' }] });
});

test.each<[string, Buffer, number]>([
  ['another zone', question('example.org', 'A'), 5],
  ['a name that only ends alike', question('xecho.test', 'A'), 5],
  ['the root', question('.', 'NS'), 5],
  ['ANY', question('x.echo.test', 'ANY'), 5],
  ['a zone transfer', question('echo.test', 'AXFR'), 5],
  [
    'another class',
    question('x.echo.test', 'TXT', { questions: [{ name: 'x.echo.test', type: 'TXT', class: 'CH' }] }),
    5,
  ],
  ['an update', question('x.echo.test', 'A', { flags: 5 << 11 }), 4],
  ['no question', question('x.echo.test', 'A', { questions: [] }), 1],
])('%s is refused', (_what, message, code) => {
  const answer = answerTo(message, '192.0.2.1', zone);
  expect(answer && codeOf(answer)).toBe(code);
  expect(answer && packet.decode(answer).answers).toEqual([]);
});

test('an answer is never answered', () => {
  expect(answerTo(packet.encode({ type: 'response', id: 1, questions: [] }), '192.0.2.1', zone)).toBeNull();
});

test('whatever comes in: no throw, and never much more out than in', () => {
  const name = fc
    .array(fc.stringMatching(/^[a-z0-9]{1,20}$/), { maxLength: 5 })
    .map((it) => [...it, 'echo.test'].join('.'));
  const asked = fc
    .tuple(name, fc.constantFrom<AskedType>('A', 'TXT', 'AAAA', 'NS', 'SOA', 'ANY', 'MX'))
    .map(([host, type]) => question(host, type));
  const noise = fc.uint8Array({ maxLength: 200 }).map((it) => Buffer.from(it));
  const mangled = fc.tuple(asked, fc.nat(60), fc.nat(255)).map(([message, at, byte]) => {
    const copy = Buffer.from(message);
    copy[at % copy.length] = byte;
    return copy;
  });
  fc.assert(
    fc.property(fc.oneof(asked, noise, mangled), (message) => {
      const answer = answerTo(message, '192.0.2.1', zone);
      if (answer) expect(answer.length).toBeLessThanOrEqual(message.length * 2 + 100);
    }),
    { numRuns: 500 },
  );
});

test('EDNS is answered with EDNS', async () => {
  const opt = {
    type: 'OPT' as const,
    name: '.' as const,
    udpPayloadSize: 4096,
    extendedRcode: 0,
    ednsVersion: 0,
    flags: 0,
    flag_do: false,
    options: [],
  };
  const answer = packet.decode(await overUdp(question('x.echo.test', 'A', { additionals: [opt] })));
  expect(answer.additionals).toMatchObject([{ type: 'OPT', udpPayloadSize: 1232 }]);
});

test('who asks too much is not answered', async () => {
  const slow = createEchoDns({ ...zone, host: '127.0.0.1', port: 0, log, perSecond: 3 });
  const at = await slow.start();
  const socket = createSocket('udp4');
  try {
    let answers = 0;
    socket.on('message', () => {
      answers += 1;
    });
    for (let n = 0; n < 20; n += 1) socket.send(question(`n${n}.echo.test`, 'A'), at, '127.0.0.1');
    await once(socket, 'message');
    // The last word: a question of the next window, when this one is over.
    await expect
      .poll(
        async () => {
          socket.send(question('late.echo.test', 'A'), at, '127.0.0.1');
          return answers;
        },
        { timeout: 5_000, interval: 400 },
      )
      .toBeGreaterThan(3);
    expect(answers).toBeLessThan(20);
  } finally {
    socket.close();
    await slow.close();
  }
});

test('an address that is taken is told by the name of its setting', async () => {
  const second = createEchoDns({ ...zone, host: '127.0.0.1', port, log });
  await expect(second.start()).rejects.toThrow(
    /ECHO_DNS_ADDR: 127\.0\.0\.1:\d+ cannot be taken \(EADDRINUSE\)/,
  );
});

test('a port that the system chose for one protocol and that is taken for the other is not kept to', async () => {
  const takers = await Promise.all(
    Array.from({ length: 1500 }, async () => {
      const server = createServer().listen(0, '127.0.0.1');
      await once(server, 'listening');
      return server;
    }),
  );
  try {
    // One of some twenty ports is taken.
    for (let n = 0; n < 80; n += 1) {
      const chosen = createEchoDns({ ...zone, host: '127.0.0.1', port: 0, log });
      await chosen.start();
      await chosen.close();
    }
  } finally {
    for (const server of takers) server.close();
  }
});
