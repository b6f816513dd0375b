import type { Metadata } from 'next';
import { EgressPage } from '@/components/egress/egress-page';

export const metadata: Metadata = { title: 'Way out' };

export default async function Page({ params }: { params: Promise<{ id: string }> }) {
  const { id } = await params;
  return <EgressPage id={id} />;
}
