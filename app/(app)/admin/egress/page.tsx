import type { Metadata } from 'next';
import { EgressList } from '@/components/egress/egress-list';

export const metadata: Metadata = { title: 'Ways out' };

export default function EgressListPage() {
  return <EgressList />;
}
