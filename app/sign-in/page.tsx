import type { Metadata } from 'next';
import { SignIn } from '@/components/auth/sign-in';

export const metadata: Metadata = { title: 'Sign in' };

export default async function SignInPage({
  searchParams,
}: {
  searchParams: Promise<Record<string, string | string[] | undefined>>;
}) {
  const { next, ended } = await searchParams;
  return <SignIn next={typeof next === 'string' ? next : null} ended={ended === '1'} />;
}
