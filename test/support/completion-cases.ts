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
];
