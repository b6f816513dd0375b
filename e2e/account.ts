/** A program's view of the product: signs in over REST, calls the API, waits for states. */
import type { SandboxView, SessionView } from '../shared/views';
import type { ProductFacts } from './product';
import { until } from './until';

/** A create on a busy machine of two cores. */
const POWER_MS = 120_000;

export class Account {
  readonly #url: string;
  readonly cookie: string;

  private constructor(url: string, cookie: string) {
    this.#url = url;
    this.cookie = cookie;
  }

  static async signIn(product: ProductFacts, user: { username: string; password: string }): Promise<Account> {
    const response = await fetch(`${product.url}/api/auth/login`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ username: user.username, password: user.password }),
    });
    const cookie = response.headers
      .getSetCookie()
      .map((it) => it.split(';')[0])
      .join('; ');
    if (!response.ok || cookie === '')
      throw new Error(`sign-in: ${response.status} ${await response.text()}`);
    return new Account(product.url, cookie);
  }

  /** Throws with status and body for anything but 2xx. The answer's shape is the route's own. */
  async call<T>(method: string, path: string, body?: unknown): Promise<T> {
    const response = await this.fetch(method, path, body);
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
    return JSON.parse(text || 'null') as T; // checked by the server against the same schemas
  }

  fetch(method: string, path: string, body?: unknown): Promise<Response> {
    return fetch(`${this.#url}${path}`, {
      method,
      headers: { cookie: this.cookie, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
  }

  /** A tRPC mutation, as the web app sends it. */
  async mutate<T>(procedure: string, input: unknown): Promise<T> {
    const { result } = await this.call<{ result: { data: T } }>('POST', `/api/trpc/${procedure}`, input);
    return result.data;
  }

  async createSandbox(name: string): Promise<SandboxView> {
    const [workspace] = await this.call<{ id: string }[]>('GET', '/api/workspaces');
    return this.call('POST', `/api/workspaces/${workspace?.id}/sandboxes`, { name });
  }

  sandbox(id: string): Promise<SandboxView> {
    return this.call('GET', `/api/sandboxes/${id}`);
  }

  /** Waits for a state; fails at once when the sandbox comes to `error` instead. */
  async reaches(id: string, state: SandboxView['state']): Promise<SandboxView> {
    return until(`sandbox ${id} is ${state}`, POWER_MS, async () => {
      const view = await this.sandbox(id);
      if (view.state === 'error' && state !== 'error') throw new Error(`sandbox in error: ${view.reason}`);
      return view.state === state ? view : null;
    });
  }

  async gone(id: string): Promise<void> {
    await until(`sandbox ${id} is gone`, POWER_MS, async () => {
      return (await this.fetch('GET', `/api/sandboxes/${id}`)).status === 404;
    });
  }

  async openSession(sandboxId: string, kind: SessionView['kind']): Promise<SessionView> {
    return this.call('POST', '/api/sessions', { sandbox_id: sandboxId, kind });
  }

  async sessions(sandboxId: string): Promise<SessionView[]> {
    const path = `/api/sessions?sandbox_id=${sandboxId}`;
    return (await this.call<{ sessions: SessionView[] }>('GET', path)).sessions;
  }
}
