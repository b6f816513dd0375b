/** A product for each worker of the browser tests, and the scripted API that each speaks to. */
import { availableParallelism } from 'node:os';
import type { TestProject } from 'vitest/node';
import { Scope } from '../shared/lifecycle';
import { startAnthropicApi } from './anthropic/api';
import { type ProductFacts, startProduct } from './product';

declare module 'vitest' {
  export interface ProvidedContext {
    /** One for each worker: see `workersProduct`. */
    products: ProductFacts[];
  }
}

const FIRST_MAPPED_PORT = 19_000;
const MAPPED_PORTS = 20;
const FIRST_SSH_PORT = 18_990;

/** Stands for the real key: a test shows that it never enters a sandbox. */
export const API_KEY = 'sk-ant-scripted-key-of-the-gateway';

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const scope = new Scope();
  const products: ProductFacts[] = [];
  const workers = Math.min(project.config.maxWorkers, availableParallelism());
  try {
    // One after the other: the first builds what is missing.
    while (products.length < workers) {
      const api = scope.own('API', await startAnthropicApi({ key: API_KEY }));
      const name = `product-${products.length + 1}`;
      // A provider of a test's own stands on this machine. Below the ports that systems give out by themselves.
      const first = FIRST_MAPPED_PORT + products.length * MAPPED_PORTS;
      const env = {
        PROVIDER_PRIVATE_HOSTS: 'yes',
        PORT_RANGE: `${first}-${first + MAPPED_PORTS - 1}`,
        SSH_PROXY_ADDR: `127.0.0.1:${FIRST_SSH_PORT + products.length}`,
      };
      const { close, ...facts } = await startProduct({ name, apiUrl: api.url, apiKey: API_KEY, env });
      scope.add(name, close, (it) => it());
      products.push(facts);
    }
  } catch (cause) {
    await scope.close();
    throw cause;
  }
  project.provide('products', products);
  return () => scope.close();
}
