/** The places that log lines name, as in the operator's guide. */
export const PLACES = {
  config: 'anchore_engine.configuration.localconfig/validate_config()',
  database: 'anchore_manager.cli.utils/connect_database()',
  archive: 'anchore_engine.subsys.archive.operations/initialize()',
  migration: 'anchore_engine.subsys.archive.migration/initiate_migration()',
  migrationContext: 'anchore_engine.subsys.archive.migration/migration_context()',
  check: 'anchore_manager.cli.archivestorage/check()',
  migrate: 'anchore_manager.cli.archivestorage/migrate()',
  removeTables: 'anchore_manager.cli.archivestorage/remove_tables()',
} as const;
