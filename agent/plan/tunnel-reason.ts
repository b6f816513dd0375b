/** sing-box's last words as a sentence for people. Unknown ones are shown as they are, cut. */
const sentences: readonly [RegExp, string][] = [
  [/read config.*permission denied/i, 'The tunnel may not read its own configuration.'],
  [
    /permission denied|operation not permitted/i,
    'The host did not let the tunnel make its network interface.',
  ],
  [
    /no such file or directory.*(tun|netns)|netns.*no such file/i,
    'The host has no tun device or lost the uplink namespace; the agent makes it again at its next start.',
  ],
  [/device or resource busy|file exists/i, 'An older tunnel is still in the way; it is tried again.'],
  [
    /decode config|unknown field|parse/i,
    'The tunnel configuration was not understood by the installed sing-box; update sing-box to 1.12 or newer.',
  ],
  [/out of memory|cannot allocate/i, 'The host has not enough memory for the tunnel.'],
  // Go's runtime where it gets no memory for a new thread: 2 of 40 times that it was refused memory.
  [/^SIG[A-Z]+: /, 'The tunnel crashed; most often the host had no memory left for it.'],
];
const RAW_MAX = 200;

export function tunnelReason(complaint: string | null): string {
  if (complaint === null) return 'The tunnel was ended from outside; it is started again.';
  for (const [pattern, sentence] of sentences) if (pattern.test(complaint)) return sentence;
  return `The tunnel ended: ${complaint.slice(0, RAW_MAX)}.`;
}

/**
 * What sing-box writes about connections that failed, as sentences about the egress. The first that holds is taken:
 * from the most telling to the least.
 */
const egressSentences: readonly [RegExp, string][] = [
  [
    /authentication failed|unable to authenticate|auth(entication)? (failed|rejected|error)|invalid (user|password|credential)|username.*password|407|unauthorized|authentication required|user not found|bad (user|password)|socks5: (auth|incorrect)/i,
    'The egress refused the user name, the password or the key: correct them in the egress.',
  ],
  [
    /host key mismatch|knownhosts|ssh: .*host key/i,
    'The SSH server showed another host key than the one that was set: compare it with the server before you change it.',
  ],
  [
    /certificate has expired|not yet valid/i,
    "The egress's certificate is out of date: renew it on the server.",
  ],
  [
    /x509: certificate is valid for|x509: certificate is not valid for/i,
    'The egress showed a certificate for another name: correct the server name (SNI) of the egress.',
  ],
  [
    /unknown authority/i,
    "The egress's certificate is of nobody known here: put it into the egress, or get one that is publicly trusted.",
  ],
  [
    /x509|certificate|tls: |reality verification|remote error: tls/i,
    'The TLS connection to the egress failed: its certificate or TLS settings are not the ones expected.',
  ],
  [
    /no such host|NXDOMAIN|server misbehaving|lookup .* failed|empty result/i,
    'A name was not resolved through the egress: look at its DNS server.',
  ],
  [
    /connection refused/i,
    'The egress refused the connection: nothing listens at its address and port. Start the server, or correct them.',
  ],
  [
    /network is unreachable|no route to host|host is unreachable|administratively prohibited|permission denied|operation not permitted/i,
    'The egress is not reachable from this host: look at its address and at the uplink and firewall of this host.',
  ],
  [
    /i\/o timeout|deadline exceeded|timed? ?out|handshake did not complete/i,
    'The egress did not answer in time: look whether the server runs and its firewall lets this host in.',
  ],
  [
    /connection reset|broken pipe|unexpected EOF|\bEOF\b|use of closed/i,
    'The egress closed the connection: compare the settings of the egress with those of the server.',
  ],
];

/**
 * sing-box says nothing where a server closes without a word, as Shadowsocks, VLESS, VMess, Trojan, AnyTLS, TUIC and
 * Reality do when the password, the UUID or the key is a wrong one (1.12.12).
 */
export const SILENT_EGRESS =
  'The egress takes connections but nothing comes back: most often its password, UUID or key is wrong.';

/** Why connections through the egress fail, from sing-box's newest lines; null when none tells. */
export function egressReason(lines: readonly string[]): string | null {
  for (const line of lines) {
    for (const [pattern, sentence] of egressSentences) if (pattern.test(line)) return sentence;
  }
  return null;
}
