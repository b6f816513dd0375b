import type { Metadata } from 'next';
import { AllUsage } from '@/components/usage/all-usage';

export const metadata: Metadata = { title: 'Usage and budgets' };

export default function AdminUsagePage() {
  return <AllUsage />;
}
