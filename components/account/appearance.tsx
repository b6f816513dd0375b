'use client';

import { useTheme } from 'next-themes';
import { type Preferences, preferencesSchema } from '../../shared/views';
import { useSetPreferences } from '../api/me';
import { terminalTheme } from '../terminal/themes';
import { Field, Input, Select } from '../ui/field';
import { Switch } from '../ui/switch';

const terminalThemes = [
  ['auto', 'As the app'],
  ['midnight', 'Midnight'],
  ['paper', 'Paper'],
  ['solarized-dark', 'Solarized dark'],
  ['solarized-light', 'Solarized light'],
  ['contrast', 'High contrast'],
] as const;
const colours = ['red', 'yellow', 'green', 'cyan', 'blue', 'magenta'] as const;

function Sample({ preferences }: { preferences: Preferences }) {
  const { resolvedTheme } = useTheme();
  const theme = terminalTheme(preferences.terminalTheme, resolvedTheme !== 'light');
  return (
    <div
      role="img"
      aria-label="A sample of the terminal"
      className="overflow-hidden rounded-lg border p-3 font-mono sm:col-span-2"
      style={{
        background: theme.background,
        color: theme.foreground,
        fontSize: preferences.terminalFontSize,
      }}
    >
      <p className="truncate leading-normal">
        <span style={{ color: theme.green }}>claude</span> in{' '}
        <span style={{ color: theme.blue }}>~/workspace</span> ❯ git log --oneline
      </p>
      <p className="flex gap-2 leading-normal">
        {colours.map((it) => (
          <span key={it} style={{ color: theme[it] }}>
            {it}
          </span>
        ))}
      </p>
    </div>
  );
}

export function Appearance({ preferences }: { preferences: Preferences }) {
  const { mutate } = useSetPreferences();
  const { shape } = preferencesSchema;
  const size = preferences.terminalFontSize;
  return (
    <div className="grid gap-5 sm:grid-cols-2">
      <Field label="Theme">
        {(control) => (
          <Select
            {...control}
            value={preferences.theme}
            onChange={(event) => mutate({ theme: shape.theme.parse(event.target.value) })}
          >
            <option value="system">As the system</option>
            <option value="light">Light</option>
            <option value="dark">Dark</option>
          </Select>
        )}
      </Field>
      <Field label="Terminal theme">
        {(control) => (
          <Select
            {...control}
            value={preferences.terminalTheme}
            onChange={(event) => mutate({ terminalTheme: shape.terminalTheme.parse(event.target.value) })}
          >
            {terminalThemes.map(([id, title]) => (
              <option key={id} value={id}>
                {title}
              </option>
            ))}
          </Select>
        )}
      </Field>
      <Field label="Terminal text size" hint="Also with Ctrl and + or − in a terminal">
        {(control) => (
          <Input
            {...control}
            type="number"
            min={8}
            max={32}
            key={size}
            defaultValue={size}
            onChange={(event) => {
              const next = shape.terminalFontSize.safeParse(event.target.valueAsNumber);
              if (next.success) mutate({ terminalFontSize: next.data });
            }}
          />
        )}
      </Field>
      <Field label="Programs may write my clipboard" hint="OSC 52; reading it is never allowed">
        {(control) => (
          <Select
            {...control}
            value={preferences.clipboardWrite}
            onChange={(event) => mutate({ clipboardWrite: shape.clipboardWrite.parse(event.target.value) })}
          >
            <option value="ask">Ask each time</option>
            <option value="allow">Always</option>
            <option value="deny">Never</option>
          </Select>
        )}
      </Field>
      <Sample preferences={preferences} />
      <div className="sm:col-span-2">
        <Switch
          label="Screen-reader mode"
          hint="The terminal's text is also offered to assistive technology. It makes fast output slower."
          checked={preferences.screenReader}
          onChange={(screenReader) => mutate({ screenReader })}
        />
      </div>
    </div>
  );
}
