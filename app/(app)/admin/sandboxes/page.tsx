import type { Metadata } from 'next';
import { AllSandboxes } from '@/components/admin/all-sandboxes';

export const metadata: Metadata = { title: 'All sandboxes' };

export default function AllSandboxesPage() {
  return <AllSandboxes />;
}
