import type { Metadata } from 'next';
import { SandboxHome } from '@/components/sandboxes/sandbox-home';

export const metadata: Metadata = { title: 'Sandboxes' };

export default function HomePage() {
  return <SandboxHome />;
}
