/** A real browser for the specs, and a visitor in it: signs in, reads the terminal, notes what the page complains of. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';
import type { TestContext } from 'vitest';
import type { Account } from './account';
import { artifacts, type ProductFacts, tail } from './product';

const CANDIDATES = ['chromium-headless-shell', 'chromium', 'chromium-browser', 'google-chrome'].map(
  (it) => `/usr/bin/${it}`,
);
/** Nothing that speaks to the network by itself, and no WebGL: then xterm.js draws its rows as elements, which can be read. */
const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-3d-apis',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];
const STEP_MS = 60_000;

/** For the few tests that are about WebGL: drawn by the processor, as no machine here has a graphics card. */
const WEBGL_FLAGS = [
  '--no-sandbox',
  '--use-gl=angle',
  '--use-angle=swiftshader',
  '--enable-unsafe-swiftshader',
];

export async function openBrowser(args: readonly string[] = FLAGS): Promise<Browser> {
  const executablePath = process.env.CHROMIUM_PATH ?? CANDIDATES.find((path) => existsSync(path));
  if (!executablePath) throw new Error('no Chromium found: install it or set CHROMIUM_PATH');
  return chromium.launch({ executablePath, args: [...args] });
}

export function openWebglBrowser(): Promise<Browser> {
  return openBrowser(WEBGL_FLAGS);
}

export interface Visitor {
  page: Page;
  context: BrowserContext;
  /** Errors of the console and of scripts, and violations of the content security policy. */
  complaints: string[];
}

export interface VisitorOptions {
  width?: number;
  height?: number;
  touch?: boolean;
  scheme?: 'light' | 'dark';
  /** Signed in already, with this program's cookie: the form itself is tested elsewhere and takes its time. */
  as?: Pick<Account, 'cookie'>;
}

export async function openVisitor(
  browser: Browser,
  product: ProductFacts,
  options: VisitorOptions = {},
): Promise<Visitor> {
  const context = await browser.newContext({
    baseURL: product.url,
    viewport: { width: options.width ?? 1280, height: options.height ?? 800 },
    hasTouch: options.touch ?? false,
    isMobile: options.touch ?? false,
    colorScheme: options.scheme ?? 'dark',
  });
  context.setDefaultTimeout(STEP_MS);
  await context.addInitScript(() => {
    document.addEventListener('securitypolicyviolation', (event) => {
      console.error(`CSP: ${event.violatedDirective} ${event.blockedURI}`);
    });
  });
  for (const cookie of options.as?.cookie.split('; ') ?? []) {
    const [name = '', ...value] = cookie.split('=');
    await context.addCookies([{ name, value: value.join('='), url: product.url }]);
  }
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on('console', (message) => {
    if (message.type() === 'error') complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(String(error)));
  return { page, context, complaints };
}

/** Closes the visitors; for a failed test keeps a picture of each, what their pages said, and the product's last words. */
export async function leave(product: ProductFacts, visitors: Visitor[], test: TestContext): Promise<void> {
  const failed = test.task.result?.state === 'fail';
  const name = test.task.name.replace(/\W+/g, '-').slice(0, 60);
  for (const [index, { page, context, complaints }] of visitors.splice(0).entries()) {
    if (failed) {
      const path = join(artifacts, `failed-${name}-${index}.png`);
      await page.screenshot({ path }).catch(() => undefined);
      console.error(`page ${index} at ${page.url()}, picture ${path}`, complaints);
    }
    await context.close();
  }
  if (failed) console.error(tail(product.logFile, 25));
}

export async function signIn(page: Page, user: { username: string; password: string }): Promise<void> {
  await page.goto('/sign-in');
  await page.getByLabel('User name').fill(user.username);
  await page.getByLabel('Password', { exact: true }).fill(user.password);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.waitForURL((url) => url.pathname === '/');
}
