/** One product for all browser tests, and the scripted API it speaks to. */
import type { TestProject } from 'vitest/node';
import { startAnthropicApi } from './anthropic/api';
import { type ProductFacts, startProduct } from './product';

declare module 'vitest' {
  export interface ProvidedContext {
    product: ProductFacts;
  }
}

/** Stands for the real key: a test shows that it never enters a sandbox. */
export const API_KEY = 'sk-ant-scripted-key-of-the-gateway';

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const api = await startAnthropicApi({ key: API_KEY });
  const product = await startProduct({
    ...{ name: 'product', apiUrl: api.url, apiKey: API_KEY },
    // A provider of a test's own stands on this machine.
    env: { PROVIDER_PRIVATE_HOSTS: 'yes' },
  }).catch(async (cause: unknown) => {
    await api.close();
    throw cause;
  });
  const { close, ...facts } = product;
  project.provide('product', facts);
  return async () => {
    await close();
    await api.close();
  };
}
