import { DRIVERS } from '../../drivers/registry.ts';
import type { Command } from '../context.ts';

/** Prints the drivers that a configuration can name: the line of the original, then what each is. */
export const listDrivers: Command = async ({ output }) => {
  output.text(`Supported object storage drivers: [${DRIVERS.map(({ name }) => `'${name}'`).join(', ')}]`);
  for (const { name, description } of DRIVERS) output.text(`  ${name.padEnd(8)} ${description}`);
  output.object({ drivers: DRIVERS });
  return 0;
};
