import type { Metadata } from 'next';
import { OwnUsage } from '@/components/usage/own-usage';

export const metadata: Metadata = { title: 'Usage' };

export default function UsagePage() {
  return <OwnUsage />;
}
