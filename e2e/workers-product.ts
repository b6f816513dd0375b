/** The product of the worker that a test file runs in: no other file changes what it sees. */
import { inject } from 'vitest';
import type { ProductFacts } from './product';

export function workersProduct(): ProductFacts {
  const products = inject('products');
  const product = products[Number(process.env.VITEST_POOL_ID) - 1];
  if (!product)
    throw new Error(`worker ${process.env.VITEST_POOL_ID} has none of ${products.length} products`);
  return product;
}
