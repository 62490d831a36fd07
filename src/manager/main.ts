import { readFileSync } from 'node:fs';
import { enableCompileCache } from 'node:module';

enableCompileCache();

const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { version: string };
const wantsHelp = process.argv.includes('--help');
process.stdout.write(wantsHelp ? 'Usage: anchore-manager [--version] [--help]\n' : `${version}\n`);
