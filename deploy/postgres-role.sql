-- A role that can move an archive and nothing else of the database. As its owner or a superuser:
--   psql "$url" -v role=anchore_mover -f deploy/postgres-role.sql
-- and then, so that no password stands in a file: psql "$url" -c '\password anchore_mover'
SELECT format('CREATE ROLE %I LOGIN', :'role')
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = :'role') \gexec

-- To see whether services are still connected, and who holds a lock.
GRANT pg_read_all_stats TO :"role";

GRANT USAGE ON SCHEMA public TO :"role";
-- For the journal, the tables archive_mover_*. Take it back after `remove-tables`.
GRANT CREATE ON SCHEMA public TO :"role";

-- Where documents are. UPDATE is the switch and the lock that goes with it; `check` inserts and deletes a row of its own.
GRANT SELECT, INSERT, UPDATE, DELETE ON archive_metadata TO :"role";

-- The drivers db and db2. Leave out a table that is neither source nor destination.
GRANT SELECT, INSERT, UPDATE, DELETE ON archive_document, object_storage TO :"role";

-- The migrations, as Anchore lists them.
GRANT SELECT, INSERT, UPDATE ON tasks, archive_migration_tasks TO :"role";
GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO :"role";

-- The services' heartbeats.
GRANT SELECT ON services TO :"role";
