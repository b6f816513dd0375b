'use client';

import '../api/zod-without-eval';
import { ThemeProvider, useTheme } from 'next-themes';
import type { ReactNode } from 'react';
import { Toaster } from 'sonner';
import { ApiProvider } from '../api/client';
import { TooltipProvider } from '../ui/tooltip';

function Toasts() {
  const { resolvedTheme } = useTheme();
  return (
    <Toaster
      theme={resolvedTheme === 'dark' ? 'dark' : 'light'}
      position="bottom-right"
      closeButton
      toastOptions={{
        classNames: {
          toast: '!rounded-lg !border-line-strong !bg-raised !text-ink !shadow-float !font-sans',
          description: '!text-ink-soft',
          actionButton: '!bg-accent !text-on-accent',
        },
      }}
    />
  );
}

export function Providers({ nonce, children }: { nonce?: string | undefined; children: ReactNode }) {
  return (
    <ThemeProvider
      attribute="class"
      defaultTheme="system"
      enableSystem
      disableTransitionOnChange
      nonce={nonce}
    >
      <ApiProvider>
        <TooltipProvider delayDuration={400}>
          {children}
          <Toasts />
        </TooltipProvider>
      </ApiProvider>
    </ThemeProvider>
  );
}
