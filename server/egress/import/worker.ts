/** The program of a worker thread: reads one text and says what is in it. */
import { parentPort, workerData } from 'node:worker_threads';
import { importEgresses } from './import';

const text: unknown = workerData;
if (typeof text !== 'string') throw new Error('the worker was given no text');
parentPort?.postMessage(importEgresses(text));
