import type { Metadata } from 'next';
import { Presets } from '@/components/egress/presets/presets';

export const metadata: Metadata = { title: 'Presets' };

export default function PresetsPage() {
  return <Presets />;
}
