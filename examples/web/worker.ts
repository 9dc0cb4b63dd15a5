import { startWorker } from 'godwit/web';
import * as actors from './explorer.js';

startWorker(actors);
