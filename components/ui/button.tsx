import { cva, type VariantProps } from 'class-variance-authority';
import { LoaderCircle } from 'lucide-react';
import { Slot } from 'radix-ui';
import type { ComponentProps } from 'react';
import { cx } from './cx';

const styles = cva(
  'inline-flex shrink-0 items-center justify-center gap-1.5 whitespace-nowrap rounded-md font-medium transition-colors disabled:opacity-50 disabled:pointer-events-none aria-disabled:opacity-50 [&_svg]:shrink-0',
  {
    variants: {
      look: {
        primary: 'bg-accent text-on-accent hover:bg-accent-strong shadow-lift',
        secondary: 'border border-line-strong bg-raised text-ink hover:bg-sunken hover:border-ink-faint',
        ghost: 'text-ink-soft hover:bg-sunken hover:text-ink dark:hover:bg-raised',
        danger: 'border border-bad/40 bg-bad-soft text-bad hover:border-bad',
        link: 'text-accent underline-offset-4 hover:underline px-0!',
      },
      size: {
        sm: 'h-7 px-2.5 text-xs [&_svg]:size-3.5',
        md: 'h-8.5 px-3.5 text-sm [&_svg]:size-4',
        lg: 'h-10 px-5 text-base [&_svg]:size-4',
        icon: 'size-8 [&_svg]:size-4',
        tiny: 'size-6 [&_svg]:size-3.5',
      },
    },
    defaultVariants: { look: 'secondary', size: 'md' },
  },
);

export type ButtonProps = ComponentProps<'button'> &
  VariantProps<typeof styles> & {
    asChild?: boolean /** Shows a spinner and takes no clicks. */;
    busy?: boolean;
  };

export function Button({ className, look, size, asChild, busy, children, disabled, ...rest }: ButtonProps) {
  const Part = asChild ? Slot.Root : 'button';
  return (
    <Part
      type={asChild ? undefined : 'button'}
      className={cx(styles({ look, size }), className)}
      disabled={disabled || busy}
      aria-busy={busy || undefined}
      {...rest}
    >
      {busy ? (
        <>
          <LoaderCircle className="animate-spin" aria-hidden />
          {size === 'icon' || size === 'tiny' ? null : children}
        </>
      ) : (
        children
      )}
    </Part>
  );
}
