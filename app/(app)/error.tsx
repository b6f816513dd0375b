'use client';

import { BrokenPage } from '@/components/shell/broken-page';

/** Inside the app's frame, which stays. */
export default BrokenPage;
