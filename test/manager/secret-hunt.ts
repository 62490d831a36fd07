import { spawn } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { gunzipSync } from 'node:zlib';
import { MANAGER } from '../support/manager.ts';

/** Secrets by what they are; none is a word that stands elsewhere. */
export const SECRETS = {
  database: 'MARK-db/p@ss%20w:rd',
  s3: 'MARK-s3+secret/key==',
  s3Session: 'MARK-s3-session-token',
  swift: `MARK-swift"quoted'key`,
  azureKey: Buffer.from('MARK-azure-account-key-0123456789').toString('base64'),
  azureSas: 'sv=2024&sp=rw&sig=MARKazuresignature%2Bof%2Fsas%3D',
  proxy: 'MARK-proxy-password',
  url: 'MARK-url-password',
} as const;

/** How a secret may be written: as it is, quoted, in a URL, in base64 wherever it begins. */
const formsOf = (secret: string): readonly string[] => {
  const base64 = [0, 1, 2].map((offset) =>
    Buffer.from(`${'x'.repeat(offset)}${secret}`)
      .toString('base64')
      .slice(offset === 0 ? 0 : 4, -4),
  );
  return [secret, JSON.stringify(secret).slice(1, -1), encodeURIComponent(secret), encodeURI(secret), ...base64];
};

const FORMS = Object.entries(SECRETS).map(([name, secret]) => ({ name, forms: new Set(formsOf(secret)) }));

/** Looks for secrets wherever it is told to, and remembers where they were. */
export class SecretHunt {
  readonly found: string[] = [];
  #looked = 0;

  /** How many texts it has looked into. */
  get looked(): number {
    return this.#looked;
  }

  look(where: string, text: string): void {
    this.#looked += 1;
    for (const { name, forms } of FORMS) {
      for (const form of forms) {
        const at = text.indexOf(form);
        if (at >= 0)
          this.found.push(`${where}: ${name}: ...${text.slice(Math.max(0, at - 80), at + form.length + 20)}`);
      }
    }
  }

  /** Looks into every file of a folder, packed ones too, but those that hold secrets on purpose. */
  async lookIntoFiles(folder: string, isMeantTo: (file: string) => boolean): Promise<void> {
    for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
      const file = join(entry.parentPath, entry.name);
      if (!entry.isFile() || isMeantTo(file)) continue;
      const bytes = await readFile(file);
      this.look(file, (file.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString('utf8'));
    }
  }

  /** Runs the real command, and looks at all that it prints and at the titles of its processes meanwhile. */
  async run(
    args: readonly string[],
    environment: Readonly<Record<string, string>>,
  ): Promise<{ readonly code: number | null; readonly text: string }> {
    const child = spawn(MANAGER, args, { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...environment } });
    let text = '';
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (part: string) => (text += part));
    let isOver = false;
    const ended = new Promise<number | null>((resolve, reject) => {
      child.once('error', reject);
      child.once('close', resolve);
    }).finally(() => (isOver = true));
    const titles = new Set<string>();
    while (!isOver) {
      const title = await readFile(`/proc/${child.pid}/cmdline`, 'utf8').catch(() => '');
      titles.add(title);
      await Promise.race([ended, sleep(50)]);
    }
    const code = await ended;
    for (const title of titles) this.look(`title of ${args.join(' ')}`, title);
    this.look(args.join(' '), text);
    return { code, text };
  }
}
