/** A person's own ssh: a key pasted in the settings, the command from the sandbox's page, run as it stands. */
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import type { Account } from './account';
import type { Visitor } from './browser';

const run = promisify(execFile);

export function sshAccess(of: () => { admin: Account; sandboxId: string; visit(): Promise<Visitor> }): void {
  test('a key of one’s own opens the sandbox by the command that its page shows', async () => {
    const { admin, sandboxId, visit } = of();
    const folder = await mkdtemp(join(tmpdir(), 'cc-e2e-ssh-'));
    try {
      const file = join(folder, 'id');
      await run('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', 'laptop', '-f', file]);
      const { page, context } = await visit();
      await page.goto('/settings#ssh-keys');
      const panel = page.getByRole('region', { name: 'SSH keys' });
      await panel.getByRole('button', { name: 'Add a key' }).click();
      const dialog = page.getByRole('dialog');
      await dialog.getByLabel('Public key').fill(await readFile(file, 'utf8'));
      await dialog.getByRole('button', { name: 'Add key' }).click();
      await dialog.getByText('This is a private key').waitFor();
      await dialog.getByLabel('Public key').fill(await readFile(`${file}.pub`, 'utf8'));
      await dialog.getByRole('button', { name: 'Add key' }).click();
      await panel.getByText('laptop').waitFor();
      const { server } = await admin.call<{ server: { fingerprint: string } }>('GET', '/api/ssh-keys');
      await panel.getByText(server.fingerprint).waitFor();

      const box = await context.newPage();
      await box.goto(`/sandboxes/${sandboxId}`);
      await box.getByRole('button', { name: 'Details', exact: true }).click();
      const shown = box.getByRole('region', { name: 'SSH' }).locator('pre').first();
      const command = (await shown.textContent()) ?? '';
      expect(command).toMatch(new RegExp(`^ssh -p \\d+ ${sandboxId}@127\\.0\\.0\\.1$`));
      const [program = '', ...args] = command.split(' ');
      const known = join(folder, 'known');
      const flags = ['-F', 'none', '-i', file, '-o', `UserKnownHostsFile=${known}`];
      flags.push('-o', 'StrictHostKeyChecking=accept-new', '-o', 'BatchMode=yes', '-o', 'LogLevel=ERROR');
      const said = await run(program, [...flags, ...args, 'echo "$USER at $(hostname)"']);
      expect(said.stdout).toMatch(/^claude at \S+\n$/);
      // The key that it showed is the one that the settings name.
      expect((await run('ssh-keygen', ['-l', '-f', known])).stdout).toContain(server.fingerprint);

      await panel.getByRole('button', { name: 'Remove laptop' }).click();
      await page.getByRole('dialog').getByRole('button', { name: 'Remove' }).click();
      await panel.getByText('No keys yet').waitFor();
      await expect(run(program, [...flags, ...args, 'true'])).rejects.toMatchObject({ code: 255 });
      await context.close();
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
}
