/** Fetched by itself, as it is large. A named import: the whole of lowlight is five times as large again. */
import { common, createLowlight } from 'lowlight';

export const engine = createLowlight(common);
