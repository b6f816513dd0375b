/** Renders shared/errors.ts as docs/errors.md; documents.test.ts compares. `npx vitest run -u e2e/documents` rewrites it. */
import { errorCodes, errorTable } from '../shared/errors';

export function renderErrorTable(): string {
  const rows = errorCodes.map((code) => {
    const { http, close, exit, title, next } = errorTable[code];
    return `| \`${code}\` | ${http} | ${close} | ${exit} | ${title} | ${next} |`;
  });
  return `# Errors

Written from \`shared/errors.ts\` by \`npx vitest run -u e2e/documents\`; a test compares the two.

Each failure has one code. A REST answer carries it as \`{"error": "...", "code": "...", "request_id": "..."}\` with
the HTTP status, a WebSocket is closed with the close code, a command-line program exits with the exit code. The
sentence in \`error\` can be more exact than the one here. \`request_id\` is in the gateway's log beside the cause.

| code | HTTP | close | exit | what happened | what to do |
| --- | --- | --- | --- | --- | --- |
${rows.join('\n')}
`;
}
