import { once } from 'node:events';
import { request } from 'node:http';
import { expect, test } from 'vitest';
import { checkAddress, guardedLookup, mayReach } from './addresses';

test.each([
  '0.0.0.0',
  '10.1.2.3',
  '100.64.0.1',
  '127.0.0.1',
  '168.63.129.16',
  '169.254.169.254',
  '172.31.255.255',
  '192.168.0.1',
  '198.18.0.1',
  '224.0.0.1',
  '255.255.255.255',
  '::',
  '::1',
  '::ffff:8.8.8.8',
  '::ffff:10.0.0.1',
  '64:ff9b::a00:1',
  '2002:a00:1::1',
  '2001:0:a00:1::1',
  'fc00::1',
  'fe80::1',
  'fec0::1',
  'ff02::1',
])('%s is not public', (address) => {
  expect(mayReach(address, 'public')).toBe(false);
});

test.each(['8.8.8.8', '1.1.1.1', '172.32.0.1', '100.128.0.1', '2606:4700:4700::1111'])(
  '%s is public',
  (address) => {
    expect(mayReach(address, 'public')).toBe(true);
  },
);

test('settings open what they name and never what clouds keep credentials on', () => {
  expect(['127.0.0.1', '::1'].every((it) => mayReach(it, 'loopback'))).toBe(true);
  expect(mayReach('10.0.0.1', 'loopback')).toBe(false);
  expect(['10.0.0.1', '192.168.1.1', '127.0.0.1', 'fd00::1'].every((it) => mayReach(it, 'private'))).toBe(
    true,
  );
  expect(
    [
      ...['169.254.169.254', '0.0.0.0', 'fe80::1', '::ffff:169.254.169.254'],
      ...['100.100.100.200', '168.63.129.16', '192.0.0.192', 'fd00:ec2::254', 'fd20:ce::254'],
    ].some((it) => mayReach(it, 'private')),
  ).toBe(false);
});

test.each([
  ['no address', 'public'],
  ['ftp://8.8.8.8/', 'public'],
  ['http://8.8.8.8/', 'public'],
  ['http://8.8.8.8/', 'private'],
  ['https://user:secret@8.8.8.8/', 'public'],
  ['https://127.0.0.1/', 'public'],
  ['https://2130706433/', 'public'],
  ['https://0x7f.1/', 'public'],
  ['https://[::ffff:127.0.0.1]/', 'public'],
  ['https://localhost/', 'public'],
  ['https://no-such-name.invalid/', 'public'],
] as const)('%s is refused (%s)', async (url, reach) => {
  await expect(checkAddress({ url, reach, field: 'x' })).rejects.toMatchObject({
    code: 'invalid_input',
    field: 'x',
  });
});

test('what is allowed is taken', async () => {
  await checkAddress({ url: 'https://8.8.8.8/push', reach: 'public', field: 'x' });
  await checkAddress({ url: 'http://127.0.0.1:8080/', reach: 'loopback', field: 'x' });
  await checkAddress({ url: 'http://localhost:8080/', reach: 'loopback', field: 'x' });
  await checkAddress({ url: 'http://10.0.0.1/v1', reach: 'private', field: 'x' });
});

test('a name that leads inside is refused where it is dialled', async () => {
  const asked = request({ host: 'localhost', port: 9, lookup: guardedLookup('public') });
  asked.end();
  const [error] = await once(asked, 'error');
  expect(error).toMatchObject({ code: 'EREFUSED' });
});
