/** Places inside a sandbox that sandboxd and others agree on. */

/** tmux session name of one of our sessions. */
export function tmuxName(sessionId: string): string {
  return `cc-${sessionId.replaceAll('-', '').slice(0, 16)}`;
}

/** tmpfs folder made by PID 1, owned by the user, mode 0700: sockets of this boot. */
export const SANDBOX_RUN = '/run/cloud-claude';
/** The gateway listens here through SSH (streamlocal forward); sandboxd relays SANDBOX_API_PORT to it. */
export const SANDBOX_GATEWAY_SOCKET = '/run/cloud-claude/gateway.sock';
