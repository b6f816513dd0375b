import { egressSecretFields } from '../../shared/egress';

/** Text as typed; null: a stored secret is to be removed. */
export type FieldValue = string | boolean | null;
export type FieldValues = Record<string, FieldValue>;

export interface FieldSpec {
  /** Dotted, as in the schema. */
  path: string;
  label: string;
  hint?: string;
  type: 'text' | 'secret' | 'number' | 'choice' | 'switch' | 'lines' | 'list';
  /** May stay empty: then the value is null, or what the schema takes by itself with `whenEmpty: 'default'`. */
  optional?: true;
  whenEmpty?: 'default';
  choices?: readonly string[];
  /** Names of choices that do not speak for themselves. */
  choiceNames?: Readonly<Record<string, string>>;
  initial?: FieldValue;
  /** Asked only then. */
  when?: (values: FieldValues) => boolean;
  /** Few people need it: stands behind "More settings". */
  more?: true;
}

export const isSecret = (path: string) => (egressSecretFields as readonly string[]).includes(path);
