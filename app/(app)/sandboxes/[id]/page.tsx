import type { Metadata } from 'next';
import { SandboxPage } from '@/components/sandboxes/sandbox-page';

export const metadata: Metadata = { title: 'Sandbox' };

export default async function Page({ params }: { params: Promise<{ id: string }> }) {
  const { id } = await params;
  return <SandboxPage id={id} />;
}
