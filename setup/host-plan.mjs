// What the machine must have, and which package brings it. Pure.

/** Programs by the Debian/Ubuntu package that brings them. `test` = only `npm test` needs it. */
export const TOOLS = [
  { program: 'dockerd', package: 'docker.io' },
  { program: 'docker', package: 'docker.io' },
  { program: 'nft', package: 'nftables' },
  { program: 'ip', package: 'iproute2' },
  { program: 'nsenter', package: 'util-linux' },
  { program: 'setpriv', package: 'util-linux' },
  { program: 'mmdebstrap', package: 'mmdebstrap', extra: ['debian-archive-keyring'], only: 'base' },
  // Root's PATH may hold another browser; the tests drive the distribution's.
  { program: ['chromium', 'chromium-browser', 'google-chrome'], package: 'chromium', only: 'test' },
  // The same without windows of its own: a page costs the browser tests half the processor time. Ubuntu has none.
  { program: 'chromium-headless-shell', package: 'chromium-headless-shell', only: 'test', optional: true },
  { program: 'tcpdump', package: 'tcpdump', only: 'test' },
  // Brings no service: nothing listens but what the tests start.
  { program: 'microsocks', package: 'microsocks', only: 'test' },
  { program: 'ssh', package: 'openssh-client', only: 'test' },
  // For ways out by the kernel's WireGuard; wireguard-go stands in for it where a test's kernel has none.
  { program: 'wg', package: 'wireguard-tools', only: ['test', 'wireguard'] },
  { program: 'wireguard-go', package: 'wireguard-go', only: 'test' },
];

/** sing-box refuses unknown fields, and `netns` is known since 1.12, the first version that will do. */
export const SING_BOX_PROBE = JSON.stringify({
  outbounds: [{ type: 'direct', tag: 'probe', netns: 'probe' }],
});
export const SING_BOX_VERSION = '1.12.12';
export const SING_BOX_TAGS = 'with_gvisor,with_quic,with_wireguard,with_utls,with_clash_api';

/** Packages to install, without doubles. `has(program)` tells what is there; `purposes` like ['test']. */
export function missingPackages({ has, purposes = [], optional = false }) {
  const missing = new Set();
  for (const tool of TOOLS) {
    if (tool.only && ![tool.only].flat().some((it) => purposes.includes(it))) continue;
    if ((tool.optional ?? false) !== optional) continue;
    const names = Array.isArray(tool.program) ? tool.program : [tool.program];
    if (names.some(has)) continue;
    for (const name of [tool.package, ...(tool.extra ?? [])]) missing.add(name);
  }
  return [...missing];
}

/** `go version` output -> [major, minor], or null. */
export function goVersion(text) {
  const found = /go(\d+)\.(\d+)/.exec(text);
  return found ? [Number(found[1]), Number(found[2])] : null;
}

export function isNewEnough(version, minimum) {
  if (!version) return false;
  return version[0] > minimum[0] || (version[0] === minimum[0] && version[1] >= minimum[1]);
}

/** Shell lines for a person, as one block. */
export function commandBlock({ packages, singBox, startDocker, dockerGroup }) {
  const lines = [];
  if (packages.length > 0) lines.push('sudo apt-get update', `sudo apt-get install -y ${packages.join(' ')}`);
  if (startDocker) lines.push('sudo systemctl enable --now docker   # without systemd: sudo dockerd &');
  if (dockerGroup) lines.push('sudo usermod -aG docker "$USER"      # then log in again');
  if (singBox) {
    lines.push(
      `sudo env GOBIN=/usr/local/bin go install -tags ${SING_BOX_TAGS} github.com/sagernet/sing-box/cmd/sing-box@v${SING_BOX_VERSION}   # Go 1.23 or newer`,
    );
  }
  return lines;
}
