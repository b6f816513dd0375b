import type { Metadata } from 'next';
import { Pools } from '@/components/egress/pools';

export const metadata: Metadata = { title: 'Pools' };

export default function PoolsPage() {
  return <Pools />;
}
