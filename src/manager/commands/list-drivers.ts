import { CONFIGURABLE_DRIVERS } from '../../config/driver-config.ts';
import type { Command } from '../context.ts';

/** Prints the drivers that a configuration can name. */
export const listDrivers: Command = async ({ output }) => {
  output.text(`Supported object storage drivers: [${CONFIGURABLE_DRIVERS.map((name) => `'${name}'`).join(', ')}]`);
  output.object({ drivers: CONFIGURABLE_DRIVERS });
  return 0;
};
