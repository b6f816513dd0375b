/** For tests: a push service on loopback that reads what it gets as a browser does (RFC 8291, RFC 8188, RFC 8292). */
import {
  createDecipheriv,
  createECDH,
  createPublicKey,
  hkdfSync,
  randomBytes,
  randomUUID,
  verify,
} from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  type PushMessage,
  type PushSubscriptionInput,
  pushMessageSchema,
} from '../../../shared/notifications';

export interface Received {
  path: string;
  headers: IncomingHttpHeaders;
  message: PushMessage;
}

export async function startPushService(vapidPublicKey: string) {
  const devices = new Map<string, { keys: ReturnType<typeof createECDH>; auth: Buffer }>();
  const received: Received[] = [];
  /** What is answered next, by path; 201 otherwise. */
  const answers = new Map<string, { status: number; headers?: Record<string, string>; body?: string }>();
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (it: Buffer) => chunks.push(it));
    request.on('end', () => {
      const path = request.url ?? '';
      const device = devices.get(path);
      if (!device) return response.writeHead(404).end();
      const { status, headers, body } = answers.get(path) ?? { status: 201 };
      checkVapid(request.headers.authorization ?? '', { key: vapidPublicKey, origin: origin() });
      const text = decrypt(Buffer.concat(chunks), device);
      const message = pushMessageSchema.parse(JSON.parse(text));
      received.push({ path, headers: request.headers, message });
      response.writeHead(status, headers).end(body);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo; // a TCP server
  const origin = () => `http://127.0.0.1:${port}`;
  return {
    received,
    answers,
    /** As `pushManager.subscribe` in a browser. */
    subscribe(): PushSubscriptionInput {
      const keys = createECDH('prime256v1');
      keys.generateKeys();
      const auth = randomBytes(16);
      const path = `/push/${randomUUID()}`;
      devices.set(path, { keys, auth });
      return {
        endpoint: origin() + path,
        keys: { p256dh: keys.getPublicKey().toString('base64url'), auth: auth.toString('base64url') },
      };
    },
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function decrypt(body: Buffer, device: { keys: ReturnType<typeof createECDH>; auth: Buffer }): string {
  const salt = body.subarray(0, 16);
  const idLength = body[20] ?? 0;
  const sender = body.subarray(21, 21 + idLength);
  const sealed = body.subarray(21 + idLength);
  const info = Buffer.concat([Buffer.from('WebPush: info\0'), device.keys.getPublicKey(), sender]);
  const ikm = Buffer.from(hkdfSync('sha256', device.keys.computeSecret(sender), device.auth, info, 32));
  const key = Buffer.from(hkdfSync('sha256', ikm, salt, 'Content-Encoding: aes128gcm\0', 16));
  const nonce = Buffer.from(hkdfSync('sha256', ikm, salt, 'Content-Encoding: nonce\0', 12));
  const decipher = createDecipheriv('aes-128-gcm', key, nonce, { authTagLength: 16 });
  decipher.setAuthTag(sealed.subarray(-16));
  const padded = Buffer.concat([decipher.update(sealed.subarray(0, -16)), decipher.final()]);
  // RFC 8188: the last record's text is followed by 2 and zeros.
  return padded.subarray(0, padded.lastIndexOf(2)).toString('utf8');
}

function checkVapid(authorization: string, expected: { key: string; origin: string }): void {
  const [, token = '', key = ''] = /^vapid t=([^,]+), ?k=(\S+)$/.exec(authorization) ?? [];
  if (key !== expected.key) throw new Error('another key than the one that was subscribed with');
  const [head = '', claims = '', signature = ''] = token.split('.');
  const point = Buffer.from(key, 'base64url');
  const [x, y] = [point.subarray(1, 33), point.subarray(33, 65)].map((it) => it.toString('base64url'));
  const publicKey = createPublicKey({
    key: { kty: 'EC', crv: 'P-256', x: x ?? '', y: y ?? '' },
    format: 'jwk',
  });
  const signed = verify(
    'sha256',
    Buffer.from(`${head}.${claims}`),
    { key: publicKey, dsaEncoding: 'ieee-p1363' },
    Buffer.from(signature, 'base64url'),
  );
  const { aud, exp, sub } = JSON.parse(Buffer.from(claims, 'base64url').toString('utf8'));
  if (!signed || aud !== expected.origin || exp < Date.now() / 1000 || !/^(mailto:|https:)/.test(sub))
    throw new Error('the token is not right');
}
