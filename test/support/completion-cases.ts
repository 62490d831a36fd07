/** Lines that someone begins to type, and what a shell then offers for the last word; `config.yaml` lies in its folder. */
export const COMPLETION_CASES: readonly (readonly [line: string, offered: readonly string[]])[] = [
  ['anchore-manager ', ['archivestorage', 'completion', 'objectstorage']],
  ['anchore-manager obj', ['objectstorage']],
  ['anchore-manager archivestorage mig', ['migrate']],
  ['anchore-manager --json objectstorage --db-connect postgresql://me:pw@host:5432/db?a=b rem', ['remove-tables']],
  ['anchore-manager archivestorage --db-connect=x migrate --no', ['--nodelete']],
  ['anchore-manager archivestorage migrate --db-use', ['--db-use-ssl']],
  ['anchore-manager archivestorage migrate --verify ', ['read-back']],
  ['anchore-manager archivestorage migrate con', ['config.yaml']],
  ['anchore-manager archivestorage migrate --nodelete config.yaml con', ['config.yaml']],
  ['anchore-manager archivestorage --configfile con', ['config.yaml']],
  ['anchore-manager archivestorage migrate config.yaml config.yaml con', []],
  ['anchore-manager archivestorage --db-connect ', []],
  ['anchore-manager completion ', ['bash', 'fish', 'zsh']],
  ['anchore-engine ', ['completion', 'init', 'start']],
  ['anchore-engine start --any', ['--any-port']],
  ['anchore-engine start -c con', ['config.yaml']],
  ['anchore-engine init --config con', ['config.yaml']],
  ['anchore-engine completion f', ['fish']],
  ['anchore-cli ', ['account', 'completion', 'document', 'policy', 'system']],
  ['anchore-cli --url http://host:8228/v1 --u admin document p', ['put']],
  ['anchore-cli document put a_bucket con', ['config.yaml']],
  ['anchore-cli document put a_bucket config.yaml con', ['config.yaml']],
  ['anchore-cli document get con', []],
  ['anchore-cli document get a_bucket -o con', ['config.yaml']],
  ['anchore-cli policy get --det', ['--detail']],
  ['anchore-cli --password-file con', ['config.yaml']],
];

/** The program of such a line. */
export const programOf = (line: string): string => line.split(' ')[0] ?? '';

export const COMPLETED_PROGRAMS: readonly string[] = [...new Set(COMPLETION_CASES.map(([line]) => programOf(line)))];
