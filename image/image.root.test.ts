import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SANDBOX_API_PORT } from '../shared/limits';
import { SANDBOX_GATEWAY_SOCKET, SANDBOX_RELEASE_FILE, tmuxName } from '../shared/names';
import { call, imageRef, type Outcome, TestSandbox, until } from './testing/sandbox';

const PATH = '/home/claude/.local/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
const WORKDIR = '/home/claude/workspace';

let image: string;
let box: TestSandbox;

beforeAll(async () => {
  image = await imageRef();
  box = await TestSandbox.create(image);
  await box.start();
});
afterAll(() => box?.remove());

const screen = async (id: string) => (await box.tmux(`capture-pane -p -t ${tmuxName(id)}`)).stdout;
const type = (id: string, keys: string) => box.tmux(`send-keys -t ${tmuxName(id)} ${keys}`);
const openShell = async () => {
  const id = randomUUID();
  expect((await box.session('open', id, 'shell', WORKDIR, '', '100', '30')).code).toBe(0);
  return id;
};

describe('init', () => {
  it('runs nothing of the user before the release, then keeps sandboxd running', async () => {
    await until(
      () => box.asRoot('test', '-d', '/run/cloud-claude'),
      ({ code }) => code === 0,
    );
    expect((await box.asRoot('pgrep', '-u', 'claude')).stdout).toBe('');
    expect((await box.asRoot('test', '-e', SANDBOX_RELEASE_FILE)).code).toBe(1);
    await box.release();
    const first = (await box.asRoot('pgrep', '-f', 'sandboxd.mjs')).stdout.trim();
    await box.asRoot('kill', '-9', first);
    const next = await until(
      () => box.asRoot('pgrep', '-f', 'sandboxd.mjs'),
      ({ code, stdout }) => code === 0 && stdout.trim() !== first,
    );
    expect(next.stdout.trim()).toMatch(/^\d+$/);
  });

  it('reaps orphans', async () => {
    // Its parent ends at once, so the sleeper becomes PID 1's, and a zombie if nobody waits for it.
    const { stdout } = await box.ssh('(setsid sleep 0.1 >/dev/null 2>&1 & echo $!)');
    expect(stdout).toMatch(/^\d+\n$/);
    await until(
      () => box.asRoot('test', '-e', `/proc/${stdout.trim()}`),
      ({ code }) => code === 1,
    );
  });
});

describe('logins', () => {
  const facts = 'printf "%s|%s|%s|%s\\n" "$LANG" "$PATH" "$(date +%Z)" "$(locale charmap)"';
  const right = `de_DE.UTF-8|${PATH}|JST|UTF-8`;

  it('has language, time zone and PATH in a plain command', async () => {
    const { stdout, stderr, code } = await box.ssh(facts);
    expect({ stdout: stdout.trim(), stderr, code }).toEqual({ stdout: right, stderr: '', code: 0 });
  });

  it('has them on a terminal', async () => {
    expect((await box.sshPty(`tty >/dev/null && ${facts}`)).stdout.trim()).toBe(right);
  });

  it('has them inside tmux, with colours', async () => {
    const id = await openShell();
    await type(id, `'echo "$TERM $COLORTERM $LANG $(date +%Z)" > ~/in-tmux; echo $PATH >> ~/in-tmux' Enter`);
    const { stdout } = await until(
      () => box.ssh('cat ~/in-tmux'),
      (it: Outcome) => it.stdout.split('\n').length === 3,
    );
    expect(stdout).toBe(`tmux-256color truecolor de_DE.UTF-8 JST\n${PATH}\n`);
    await box.session('end', id);
  });

  it('lets only the user in, and only with the key', async () => {
    const other = box.sshArgs().map((it) => (it === 'claude@sandbox' ? 'root@sandbox' : it));
    const refused = await call('ssh', ['-o', 'ControlPath=none', ...other, 'true']);
    expect(refused.code).toBe(255);
    expect(refused.stderr).toContain('Permission denied');
  });
});

describe('session', () => {
  it('opens, lists, keeps its history and ends', async () => {
    const id = await openShell();
    expect((await box.session('status', id)).stdout).toBe('running\n');
    expect((await box.session('history', id, '100')).stdout).toBe('');
    await type(id, `'seq 1 200' Enter`);
    await until(
      () => screen(id),
      (text) => /^200$/m.test(text),
    );
    const history = (await box.session('history', id, '50')).stdout;
    expect(history.trimEnd().split('\n')).toHaveLength(50);
    expect(history).not.toMatch(/^200$/m);
    const prefix = tmuxName(id).slice(3);
    expect((await box.session('list')).stdout).toMatch(new RegExp(`^${prefix} 0 \\d{10}$`, 'm'));
    expect((await box.session('open', id, 'shell', WORKDIR, '', '80', '24')).code).toBe(0);
    expect((await box.session('end', id)).code).toBe(0);
    expect((await box.session('end', id)).code).toBe(0);
    expect((await box.session('status', id)).stdout).toBe('ended 0\n');
    const again = await box.session('attach', id, 'shell', WORKDIR, '', '80', '24');
    expect({ code: again.code, stdout: again.stdout }).toEqual({ code: 41, stdout: '{"exitCode":0}\n' });
  });

  it('is attached to by a terminal, and says how the program ended', async () => {
    const id = await openShell();
    await type(id, `'clear; echo seen-from-outside' Enter`);
    const attached = box.sshPty(`/usr/local/lib/cloud-claude/session attach ${id} shell ${WORKDIR} x 100 30`);
    await until(
      () => box.session('list'),
      ({ stdout }) => stdout.includes(`${tmuxName(id).slice(3)} 1 `),
    );
    await type(id, `'exit 7' Enter`);
    const { stdout } = await attached;
    expect(stdout).toContain('seen-from-outside');
    // The outer terminal stays on its main screen, so that its scrollback works.
    expect(stdout).not.toContain('\u001b[?1049h');
    await until(
      () => box.session('status', id),
      (it) => it.stdout === 'ended 7\n',
    );
  });

  it('refuses what it does not know', async () => {
    const id = randomUUID();
    const missing = await box.session('open', id, 'shell', '/no/such/folder', '', '80', '24');
    expect({ code: missing.code, stderr: missing.stderr }).toEqual({
      code: 42,
      stderr: 'session: the folder /no/such/folder does not exist\n',
    });
    expect((await box.session('status', '../../etc')).code).toBe(64);
    expect((await box.session('open', id, 'other', WORKDIR, '', '80', '24')).code).toBe(64);
    expect((await box.session('open', id, 'shell', WORKDIR, '', '0', '24')).code).toBe(64);
    expect((await box.session('status', id)).stdout).toBe('absent\n');
  });

  it('takes uploads whole or not at all', async () => {
    const command = '/usr/local/lib/cloud-claude/session upload';
    const bytes = new Uint8Array(100_000).map((_, index) => index % 256);
    const { stdout, code } = await box.ssh(`${command} '../a b\u00e4$(x).png' 100000`, bytes);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^\/home\/claude\/\.cloud-claude\/uploads\/\w{8}\/a_bä__x_\.png\n$/);
    expect((await box.ssh(`stat -c '%s %a' ${stdout.trim()}`)).stdout).toBe('100000 600\n');
    const short = await box.ssh(`${command} short.bin 100001`, bytes);
    expect({ code: short.code, stdout: short.stdout }).toEqual({ code: 65, stdout: '' });
  });

  it('takes provider settings as data', async () => {
    const put = (text: string) => box.ssh('/usr/local/lib/cloud-claude/session provider', text);
    expect((await put('rm -rf /\n')).code).toBe(65);
    expect((await put('ANTHROPIC_AUTH_TOKEN=a $(touch ~/ran) "b"\n')).code).toBe(0);
    expect((await box.ssh("stat -c '%a' ~/.cloud-claude/provider.env")).stdout).toBe('600\n');
    const id = await openShell();
    await type(id, `'printf %s "$ANTHROPIC_AUTH_TOKEN" > ~/token' Enter`);
    await until(
      () => box.ssh('cat ~/token; ls ~/ran'),
      ({ stdout }) => stdout === 'a $(touch ~/ran) "b"',
    );
    await box.session('end', id);
    expect((await put('')).code).toBe(0);
  });
});

describe('the API relay', () => {
  const listen = (script: string) =>
    box.ssh(`node -e '${script}' ${SANDBOX_GATEWAY_SOCKET} </dev/null >/tmp/relay.log 2>&1 & echo started`);
  const url = `http://127.0.0.1:${SANDBOX_API_PORT}`;

  it('answers in the API’s own words while the gateway is away, and joins bytes when it is there', async () => {
    await until(
      () => box.ssh(`curl -s -o /dev/null --max-time 0.2 ${url}`),
      // Taken, and waiting for the gateway.
      ({ code }) => code === 28,
    );
    const away = await box.ssh(`curl -s -i ${url}/v1/messages -d hello`);
    expect(away.stdout).toMatch(/^HTTP\/1\.1 503 /);
    expect(JSON.parse(away.stdout.split('\r\n\r\n')[1] ?? '')).toMatchObject({
      type: 'error',
      error: { type: 'api_error' },
    });

    await listen(
      'const s=require("net").createServer({allowHalfOpen:true},c=>c.pipe(c));s.listen(process.argv[1])',
    );
    await until(
      () => box.ssh(`test -S ${SANDBOX_GATEWAY_SOCKET}`),
      ({ code }) => code === 0,
    );
    // An echo of 20 MB: every byte back, and the end passed on only after them.
    const echoed = await box.ssh(
      `head -c 20000000 /dev/urandom > /tmp/sent; node -e 'const c=require("net").connect({port:${SANDBOX_API_PORT},host:"127.0.0.1",allowHalfOpen:true});require("fs").createReadStream("/tmp/sent").pipe(c);c.pipe(process.stdout)' | cmp - /tmp/sent && echo same`,
    );
    expect(echoed.stdout).toBe('same\n');
    await box.ssh(`pkill -f allowHalfOpen; rm -f ${SANDBOX_GATEWAY_SOCKET} /tmp/sent`);
  });
});

describe('rights', () => {
  it('gives root to the user, and apt installs', async () => {
    expect((await box.ssh('sudo id -u')).stdout).toBe('0\n');
    const made = await box.ssh(
      'mkdir -p /tmp/deb/DEBIAN && printf "Package: cc-probe\\nVersion: 1\\nArchitecture: all\\nMaintainer: x <x@example.org>\\nDescription: x\\n" > /tmp/deb/DEBIAN/control && dpkg-deb -b /tmp/deb /tmp/cc-probe.deb >/dev/null && sudo apt-get install -qy /tmp/cc-probe.deb >/dev/null && dpkg -s cc-probe | grep Status',
    );
    expect(made).toMatchObject({ stdout: 'Status: install ok installed\n' });
    // apt fetches as this user: it must be able to become it.
    expect((await box.ssh('sudo -u _apt id -un')).stdout).toBe('_apt\n');
    expect((await box.ssh('sudo hostname')).stderr).toBe('');
  });

  it('keeps root from the user where the policy says no', async () => {
    const strict = await TestSandbox.create(image, ['--security-opt', 'no-new-privileges']);
    try {
      await strict.start();
      await strict.release();
      const { code, stderr } = await strict.ssh('sudo id -u');
      expect(code).toBe(1);
      expect(stderr).toContain('no new privileges');
      expect((await strict.ssh('id -u')).stdout).toBe('1000\n');
    } finally {
      await strict.remove();
    }
  });
});
