import { generateKeyPairSync } from 'node:crypto';
import ssh2 from 'ssh2';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Identity } from '../../contracts';
import { openServiceTest, type ServiceTest } from '../testing';
import { readPublicKey } from './public-key';
import { createSshKeys, type SshKeys } from './service';

const ED25519 = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAICVJyu7ZkjB/DJeplRAX69tX1h9XcrBFsY6sPnmqbLd/';
/** Of the line above, by `ssh-keygen -l`. */
const FINGERPRINT = 'SHA256:BNDPxGQrgPo03sOST9I4HiP0apc3izokwSG8hFfgkx8';
const ANY_FINGERPRINT = /^SHA256:[A-Za-z0-9+/]{43}$/;

let t: ServiceTest;
let keys: SshKeys;
let ann: Identity;
let ben: Identity;
beforeAll(async () => {
  t = await openServiceTest();
  keys = createSshKeys({ ...t, server: { host: null, port: 2222, fingerprint: 'SHA256:x' } });
  ann = await t.person('ann');
  ben = await t.person('ben');
});
afterAll(() => t.close());

/** RFC 4253 section 6.6: name, exponent and modulus, each with its length before it. */
const rsa = (modulusLength: number) => {
  const { e = '', n = '' } = generateKeyPairSync('rsa', { modulusLength }).publicKey.export({
    format: 'jwk',
  });
  const parts = [
    Buffer.from('ssh-rsa'),
    Buffer.from(e, 'base64url'),
    // The top bit is set: a zero byte keeps it positive.
    Buffer.concat([Buffer.of(0), Buffer.from(n, 'base64url')]),
  ].flatMap((it) => {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(it.length);
    return [length, it];
  });
  return `ssh-rsa ${Buffer.concat(parts).toString('base64')} ann@laptop`;
};
const made = (bits: 256 | 384 | 521) =>
  ssh2.utils.generateKeyPairSync('ecdsa', { bits, comment: 'ann@desk' });

test.each([
  ['ed25519', `${ED25519} ann@laptop`, 'ssh-ed25519'],
  ['ecdsa 256', made(256).public, 'ecdsa-sha2-nistp256'],
  ['ecdsa 384', made(384).public, 'ecdsa-sha2-nistp384'],
  ['ecdsa 521', made(521).public, 'ecdsa-sha2-nistp521'],
  ['rsa 3072', rsa(3072), 'ssh-rsa'],
  [
    'RFC 4716',
    `---- BEGIN SSH2 PUBLIC KEY ----\r\nComment: "ann@putty"\r\n${ED25519.split(' ')[1]?.replace(/(.{30})/, '$1\r\n')}\r\n---- END SSH2 PUBLIC KEY ----\r\n`,
    'ssh-ed25519',
  ],
])('%s is taken', (_name, text, type) => {
  const read = readPublicKey(`\n ${text}\n`);
  expect(read).toMatchObject({ type, fingerprint: expect.stringMatching(ANY_FINGERPRINT) });
  expect(read.comment).toContain('ann@');
});

test.each([
  ['a private key', made(256).private, /private key/],
  ['a PuTTY private key', 'PuTTY-User-Key-File-3: ssh-ed25519', /private key/],
  ['a short RSA key', rsa(2048), /2048 bits/],
  ['DSA', 'ssh-dss AAAAB3NzaC1kc3M=', /DSA/],
  ['a token key', 'sk-ssh-ed25519@openssh.com AAAA', /token/],
  ['a certificate', 'ssh-ed25519-cert-v01@openssh.com AAAA', /certificate/],
  ['half a key', ED25519.slice(0, -8), /cut off/],
  ['signs that base64 passes over', `${ED25519.slice(0, 40)}!${ED25519.slice(40)}`, /damaged/],
  ['more than a key', `${ED25519}AAAA`, /damaged/],
  ['another type in front', ED25519.replace('ssh-ed25519 ', 'ssh-rsa '), /damaged/],
  ['a line of authorized_keys', `command="ls" ${ED25519}`, /no public key/],
  ['two keys', `${ED25519}\n${ED25519}`, /One key/],
  ['a word', 'hunter2', /no public key/],
])('%s is refused with a sentence that does not repeat it', (_name, text, sentence) => {
  expect(() => readPublicKey(text)).toThrow(sentence);
  expect(() => readPublicKey(text)).not.toThrow(text.slice(-20));
});

test('belongs to one account, is listed there, and ends what it has open when it goes', async () => {
  const view = await keys.add(ann, { publicKey: `${ED25519} ann@laptop` });
  expect(view).toMatchObject({ label: 'ann@laptop', fingerprint: FINGERPRINT, lastUsedAt: null });
  for (const [who, words] of [
    [ann, /already, as ann@laptop/],
    [ben, /another account/],
  ] as const)
    await expect(keys.add(who, { publicKey: ED25519, label: 'x' })).rejects.toThrow(words);
  expect(await keys.get(ann)).toMatchObject({ keys: [view], server: { port: 2222 } });
  expect((await keys.get(ben)).keys).toEqual([]);
  const closed: string[] = [];
  t.sockets.register({
    identity: { ...ann, via: 'ssh-key', credentialId: view.id },
    sandboxId: null,
    close: (code) => closed.push(code),
  });
  await expect(keys.remove(ben, view.id)).rejects.toMatchObject({ code: 'not_found' });
  await keys.remove(ann, view.id);
  expect(closed).toEqual(['unauthenticated']);
  expect((await keys.get(ann)).keys).toEqual([]);
  const events = await t.db.auditEvent.findMany({ where: { targetType: 'ssh_key' }, orderBy: { at: 'asc' } });
  expect(events.map((it) => it.type)).toEqual(['ssh_key.added', 'ssh_key.removed']);
});

test('a token that is less than its user neither sees nor makes keys', async () => {
  const less: Identity = { ...ann, via: 'token', scopes: ['tokens:read', 'tokens:write'] };
  const bound: Identity = { ...ann, via: 'token', scopes: ['*'], sandboxId: 'sbox000000000001' };
  for (const who of [less, bound]) {
    await expect(keys.get(who)).rejects.toMatchObject({ code: 'forbidden' });
    await expect(keys.add(who, { publicKey: ED25519 })).rejects.toMatchObject({ code: 'forbidden' });
    await expect(keys.remove(who, 'x')).rejects.toMatchObject({ code: 'forbidden' });
  }
  const whole: Identity = { ...ann, via: 'token', scopes: ['*'] };
  expect((await keys.add(whole, { publicKey: ED25519 })).label).toBe('ssh-ed25519');
});
