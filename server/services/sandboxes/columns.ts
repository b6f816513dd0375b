/** Values on their way into a sandbox's row. */
import { localeSchema, timezoneSchema } from '../../../shared/views';

/** Without the keys whose value is undefined. */
export function defined<T extends object>(values: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  const entries = Object.entries(values).filter(([, value]) => value !== undefined);
  // Exactly the keys of T that are set, with the same values.
  return Object.fromEntries(entries) as { [K in keyof T]?: Exclude<T[K], undefined> };
}

/** A user's zone and locale, or what is always there. */
export function regionOf(user: { timezone: string; locale: string }) {
  return {
    timezone: timezoneSchema.catch('UTC').parse(user.timezone),
    locale: localeSchema.catch('en_US.UTF-8').parse(user.locale),
  };
}
