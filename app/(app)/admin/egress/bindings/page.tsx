import type { Metadata } from 'next';
import { Bindings } from '@/components/egress/bindings';

export const metadata: Metadata = { title: 'Who goes where' };

export default function BindingsPage() {
  return <Bindings />;
}
