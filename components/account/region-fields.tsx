'use client';

import { useMemo } from 'react';
import { Field, Select } from '../ui/field';

const locales = [
  ['en_US.UTF-8', 'English (United States)'],
  ['en_GB.UTF-8', 'English (United Kingdom)'],
  ['C.UTF-8', 'C (plain, UTF-8)'],
  ['de_DE.UTF-8', 'Deutsch (Deutschland)'],
  ['es_ES.UTF-8', 'Español (España)'],
  ['fr_FR.UTF-8', 'Français (France)'],
  ['it_IT.UTF-8', 'Italiano (Italia)'],
  ['ja_JP.UTF-8', '日本語'],
  ['ko_KR.UTF-8', '한국어'],
  ['nl_NL.UTF-8', 'Nederlands'],
  ['pl_PL.UTF-8', 'Polski'],
  ['pt_BR.UTF-8', 'Português (Brasil)'],
  ['ru_RU.UTF-8', 'Русский'],
  ['tr_TR.UTF-8', 'Türkçe'],
  ['uk_UA.UTF-8', 'Українська'],
  ['zh_CN.UTF-8', '中文（简体）'],
] as const;

interface Region {
  timezone: string;
  locale: string;
}

/** Time zone and locale: of the user, or of one sandbox. */
export function RegionFields({ value, onChange }: { value: Region; onChange(value: Region): void }) {
  const zones = useMemo(() => {
    const known = Intl.supportedValuesOf('timeZone');
    return [...new Set(['UTC', value.timezone, ...known])].sort();
  }, [value.timezone]);
  const known = locales.some(([id]) => id === value.locale);
  return (
    <>
      <Field label="Time zone">
        {(control) => (
          <Select
            {...control}
            value={value.timezone}
            onChange={(event) => onChange({ ...value, timezone: event.target.value })}
          >
            {zones.map((zone) => (
              <option key={zone}>{zone}</option>
            ))}
          </Select>
        )}
      </Field>
      <Field label="Locale">
        {(control) => (
          <Select
            {...control}
            value={value.locale}
            onChange={(event) => onChange({ ...value, locale: event.target.value })}
          >
            {!known && <option value={value.locale}>{value.locale}</option>}
            {locales.map(([id, name]) => (
              <option key={id} value={id}>
                {name}
              </option>
            ))}
          </Select>
        )}
      </Field>
    </>
  );
}
