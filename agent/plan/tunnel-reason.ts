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
];
const RAW_MAX = 200;

export function tunnelReason(complaint: string | null): string {
  if (complaint === null) return 'The tunnel was ended from outside; it is started again.';
  for (const [pattern, sentence] of sentences) if (pattern.test(complaint)) return sentence;
  return `The tunnel ended: ${complaint.slice(0, RAW_MAX)}.`;
}
