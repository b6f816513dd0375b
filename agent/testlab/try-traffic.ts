import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openPolicy } from '../../shared/network-policy';
import { NEIGHBOUR, WEB, ZONE } from './machine';
import { createScene, networkOf } from './scene';

const scene = await createScene();
try {
  const proxy = await scene.proxies.open('ss-aead');
  const box = scene.lab.newSpec();
  const sh = async (c: string) => {
    console.log('$', c);
    const r = await scene.lab.inside(box.id, 'root', ['bash', '-c', c]);
    console.log(r.stdout.slice(0, 600), r.stderr.slice(0, 600));
  };
  const marker: number[] = [];
  const log = async () => {
    const t = await readFile(join(scene.lab.dataDir, 'sandboxes', box.id, 'sing-box.log'), 'utf8').catch(
      async () => {
        const { run } = await import('../apply/run');
        const f =
          (await run(['find', scene.lab.dataDir, '-name', 'sing-box.log'])).stdout.trim().split('\n')[0] ??
          '';
        return readFile(f, 'utf8');
      },
    );
    console.log(t.slice(marker.at(-1) ?? 0));
    marker.push(t.length);
  };
  for (const [what, policy] of [
    ['open', openPolicy],
    [
      'allow',
      {
        ...openPolicy,
        domains: {
          mode: 'allow-list',
          rules: [{ type: 'suffix', value: `good.${ZONE}` }],
          bundles: [],
          learn: false,
        },
      },
    ],
    [
      'learn',
      {
        ...openPolicy,
        domains: {
          mode: 'allow-list',
          rules: [{ type: 'suffix', value: `good.${ZONE}` }],
          bundles: [],
          learn: true,
        },
      },
    ],
  ] as const) {
    console.log('=====', what);
    await scene.lab.call('sandbox.ensure', {
      ...box,
      network: networkOf(proxy.egress, { policy: policy as never }),
    });
    const pid = await scene.lab.pid(box.id);
    const { run } = await import('../apply/run');
    await run(['nsenter', `--net=/proc/${pid}/ns/net`, 'sysctl', '-w', 'net.netfilter.nf_conntrack_acct=1']);
    await sh(`curl -sS -m 3 -o /dev/null -w '%{http_code}\\n' http://good.${ZONE}/`);
    await sh(`curl -sS -k -m 3 -o /dev/null -w '%{http_code}\\n' https://good.${ZONE}/`);
    await sh(`curl -sS -m 3 -o /dev/null -w '%{http_code}\\n' http://${WEB[1]}/`);
    await sh(`curl -sS -m 3 -o /dev/null -w '%{http_code}\\n' http://bad.${ZONE}/`);
    await sh(`curl -sS -m 3 -o /dev/null -w '%{http_code}\\n' http://${NEIGHBOUR.lan}:8080/`);
    await sh(`curl -sS -m 3 -o /dev/null -w '%{http_code}\\n' https://${WEB[1]}:853/`);
    await sh(
      `echo hi | timeout 1 socat - UDP:${WEB[1]}:7007 || python3 -c "import socket;s=socket.socket(socket.AF_INET,socket.SOCK_DGRAM);s.settimeout(1);s.sendto(b'hi',('${WEB[1]}',7007));print(s.recv(99))"`,
    );
    await sh(
      `dig +time=1 +tries=1 AAAA good.${ZONE} | head -20; dig +time=1 +tries=1 TXT nope.good.${ZONE} | head -5`,
    );
    await log();
    console.log(await readFile(`/proc/${pid}/net/nf_conntrack`, 'utf8'));
    console.log(await readFile(`/proc/${pid}/net/snmp`, 'utf8'));
    await sh(
      `cat /proc/net/nf_conntrack | head -2; cat /proc/sys/net/netfilter/nf_conntrack_acct; echo 0 > /proc/sys/net/netfilter/nf_conntrack_acct`,
    );
  }
} finally {
  await scene.close();
}
