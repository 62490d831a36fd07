import { entry, type ErrorDescription } from './error-description.ts';
import { SERVICE_ERRORS } from './service-errors.ts';

/**
 * Every error that a person can meet, by its stable code. `docs/errors.md` is generated from this table, and a test
 * holds the two together.
 */
export const ERROR_CATALOGUE = {
  'internal': entry(
    1,
    'The program met a state that it does not expect: a defect.',
    'Report it with the log; nothing is deleted without persisted proof, and the same command can be run again.',
  ),
  'interrupted': entry(
    130,
    'A signal stopped the command before it was done.',
    'Run the same command again; it continues where it was.',
  ),

  'usage.invalid': entry(2, 'The command line cannot be understood.', 'See --help of the command for what it takes.'),
  'config.unreadable': entry(
    2,
    'A configuration file cannot be read.',
    'Check that the path is right and that this user may read the file.',
  ),
  'config.invalid': entry(
    2,
    'A configuration file holds something that cannot be used.',
    'Correct the file at the line that is named, then run the command again.',
  ),

  'refused.by-person': entry(
    3,
    'The question was not answered with y or yes.',
    'Run the command again and answer y, or give --dontask.',
  ),
  'refused.lock-held': entry(
    3,
    'Another run holds the migration lock (advisory lock 2, 1).',
    'Wait for the run that is named, or stop it.',
  ),
  'refused.embedded-in-use': entry(
    3,
    'Another process uses the folder of the embedded database.',
    'Wait until the process that is named has ended; several processes at once, as precopy beside services, need PostgreSQL.',
  ),
  'refused.services-running': entry(
    3,
    'Services, or other sessions on the database, still run.',
    'Stop what is named; --force only if you know that it cannot write documents.',
  ),
  'refused.same-store': entry(
    3,
    'Source and destination are the same store.',
    'Name another destination: another bucket, prefix or folder.',
  ),
  'refused.would-overwrite': entry(
    3,
    'A write could replace the only good copy of a document.',
    'Choose a destination whose objects cannot coincide with the source.',
  ),
  'refused.identical-urls': entry(
    3,
    'Both stores give documents the same URLs, so this option cannot tell them apart.',
    'Leave the option out, or move to a destination whose bucket or prefix has another name.',
  ),
  'refused.not-current': entry(
    3,
    'The configuration does not name the store in which the archive is now.',
    'Name the current store, for a migration as FROM.',
  ),
  'refused.unfinished': entry(
    3,
    'A migration between other stores is unfinished.',
    'Resume it, or end it with rollback, as the message says.',
  ),
  'refused.journal-needed': entry(
    3,
    "This tool's tables still keep services from starting with a wrong store, or let them start.",
    'Do what the message says first; --force removes the tables all the same.',
  ),
  'refused.changed-store': entry(
    3,
    'The store or codec is not the one with which this migration began.',
    'Restore the configuration, or end the migration with rollback.',
  ),
  'refused.newer-journal': entry(
    3,
    'The journal was written by a newer version of this tool.',
    'Update this tool to that version, then run the command again.',
  ),
  'refused.ephemeral-store': entry(
    3,
    'The folder lies on a file system that does not outlive the machine or container.',
    'Mount a volume there, or give --force.',
  ),
  'refused.foreign-files': entry(
    3,
    'The destination folder holds files that are not documents of an archive.',
    'Use an empty folder, or move what is named.',
  ),
  'refused.unsafe-database': entry(
    3,
    'The database server does not keep what it has committed (fsync is off).',
    'Set fsync = on in the configuration of the server, and reload it.',
  ),
  'refused.pooler': entry(
    3,
    'The database is reached through a pooler that gives each statement another session.',
    'Connect to PostgreSQL itself, or use session pooling.',
  ),
  'refused.object-lock': entry(
    3,
    'The bucket keeps objects under object lock, so the source cannot be cleaned.',
    'Give --nodelete: the documents then stay in the source until the lock has ended.',
  ),
  'refused.archival-class': entry(
    3,
    'What is written to this store cannot be read before it is restored.',
    'Remove storage_class from the configuration, or choose a class that is read at once, such as STANDARD_IA or GLACIER_IR.',
  ),
  'refused.no-documents': entry(
    3,
    'There is no document to move: the --bucket named matches none, or FROM can read none of the archive.',
    'Check the name against the buckets that are listed, and that FROM is the configuration in use.',
  ),
  'refused.cannot-roll-back': entry(
    3,
    'The migration cannot be rolled back.',
    'Move the documents back with a migration of its own: migrate TO FROM.',
  ),
  'refused.not-clean': entry(
    3,
    'What would be deleted is still needed.',
    'See show-migration ID: it says which configuration works now, and so which store has to stay.',
  ),
  'refused.too-large': entry(
    3,
    'A document is larger than the destination can hold.',
    'Choose another destination for it, or leave it out with --skip-failed.',
  ),
  'refused.replication-behind': entry(
    3,
    'A standby has not yet confirmed the switch.',
    'Wait until it has caught up, then run clean.',
  ),
  'refused.still-changing': entry(
    3,
    'Rows of the archive kept changing while the switch was tried.',
    'Stop what writes to the database, then run the same command again.',
  ),
  'refused.unreadable-documents': entry(
    3,
    'The configuration names a store that cannot read some of the documents.',
    'Use the configuration that the message describes.',
  ),
  'refused.migration-running': entry(
    3,
    'A migration is moving the archive.',
    'Wait until it has ended, or end it as show-migration says; then start the service.',
  ),
  'refused.default-password': entry(
    3,
    'The default password would be reachable from other machines.',
    'Set another password, or listen on 127.0.0.1.',
  ),

  'database.unreachable': entry(
    4,
    'The database cannot be reached.',
    'Check host, port and network from this machine, for example with psql.',
    true,
  ),
  'database.denied': entry(
    4,
    'The database refuses the user, the password or the operation.',
    'Check the credentials and grants that are named.',
  ),
  'database.schema': entry(
    4,
    'The tables are not as expected.',
    'Check that the URL names the database of the Anchore Engine.',
  ),
  'database.lost': entry(
    4,
    'The connection to the database was lost.',
    'Run the same command again; it continues where it was.',
    true,
  ),
  'database.lock-lost': entry(
    4,
    'Another process has taken this migration over, so this one stopped.',
    'See show-migration; run the same command again if no other run is active.',
  ),
  'database.timeout': entry(
    4,
    'The database did not answer in time.',
    'Run the command again when the server is less busy, or raise --db-timeout.',
    true,
  ),
  'database.failed': entry(
    4,
    'The database refused a statement.',
    'Act on what the server says; its log has the whole statement.',
  ),

  'store.unreachable': entry(
    4,
    'The store cannot be reached.',
    'Check the address, and the network from this machine; check CONFIG tries it.',
    true,
  ),
  'store.timeout': entry(4, 'The store did not answer in time.', 'Try again when the store is less busy.', true),
  'store.credentials': entry(
    4,
    'The store does not accept the credentials.',
    'Check the key that is named and its secret.',
  ),
  'store.clock-skew': entry(
    4,
    'The clocks of this machine and of the store differ too much.',
    'Set the clock of this machine, for example with NTP, then run the command again.',
  ),
  'store.denied': entry(
    4,
    'The store denies this operation.',
    'Grant the permission that is named; for S3, docs/s3.md lists all that are needed.',
  ),
  'store.container-missing': entry(
    4,
    'The bucket, container, folder or table does not exist.',
    'Create it, or set create_bucket or create_container.',
  ),
  'store.wrong-region': entry(4, 'The bucket lies in another region.', 'Set the region that is named.'),
  'store.throttled': entry(4, 'The store asks for fewer requests.', 'Try again later or lower the concurrency.', true),
  'store.busy': entry(
    4,
    'The store had a passing fault (5xx).',
    'Wait a little, then run the same command again; it continues where it was.',
    true,
  ),
  'store.not-found': entry(
    4,
    'The store says that the object does not exist.',
    'Run verify with the configuration: it names every document that is missing.',
  ),
  'store.exists': entry(
    4,
    'An object already stands where one was to be created.',
    'Run verify with the configuration: it names the documents that are concerned.',
  ),
  'store.full': entry(4, 'The store has no room left.', 'Free or add space, then run the same command again.'),
  'store.read-only': entry(
    4,
    'The store cannot be written to.',
    'Make it writable for this user: mount options, permissions, or the state of the cluster.',
  ),
  'store.unmounted': entry(
    4,
    'The folder is not the one it was: a mount is missing.',
    'Mount it, then run the same command again.',
  ),
  'store.corrupt': entry(
    4,
    'Bytes did not arrive as they were sent.',
    'Try again; check the network and the store.',
    true,
  ),
  'store.unsafe-path': entry(
    4,
    'A name leads outside the store, or through a symbolic link.',
    'Check the row or the folder that is named.',
  ),
  'store.invalid-url': entry(
    4,
    'A content URL cannot be understood by this driver.',
    'Run verify with the configuration: it names the documents that are concerned.',
  ),
  'store.archived': entry(
    4,
    'The object lies in an archival class and must be restored before it can be read.',
    'Restore the object in the store first, then run retry ID.',
  ),
  'store.object-locked': entry(
    4,
    'Object lock or a legal hold forbids to delete the object.',
    'Give --nodelete, or remove the lock and run clean ID.',
  ),
  'store.too-large': entry(
    4,
    'The payload is larger than this store can hold.',
    'Choose another driver as the destination, or leave the document behind with --skip-failed.',
  ),
  'store.versioned': entry(
    4,
    'The bucket keeps the versions of what is deleted.',
    'Let a lifecycle rule of the bucket remove old versions, if the space matters.',
  ),
  'store.lifecycle': entry(
    4,
    'A lifecycle rule of the bucket archives or deletes objects after a time.',
    'Change the rule, or give the archive a prefix that it does not concern: services need every document.',
  ),
  'store.tls': entry(4, 'The certificate of the store is not trusted.', 'Set ca_file to the CA of the store.'),
  'store.failed': entry(
    4,
    'The store refused the request.',
    "Look up the store's own code and words in its manual; its log, under the request id, may say more.",
  ),

  'document.missing': entry(
    1,
    'The source has no bytes for this document.',
    'Restore it at the source, or leave it with --skip-failed.',
  ),
  'document.wrong-size': entry(
    1,
    'The bytes at the source are longer or shorter than the row says.',
    'Restore it at the source, or leave it with --skip-failed.',
  ),
  'document.corrupt': entry(
    1,
    'The bytes at the source do not match the digest of the row.',
    'Restore it at the source, or leave it with --skip-failed.',
  ),
  'document.undecodable': entry(
    1,
    'The payload cannot be decompressed.',
    'Restore it at the source, or leave it with --skip-failed.',
  ),
  'document.ambiguous': entry(
    1,
    'Several rows share one object but disagree about it.',
    'Correct the rows that show-migration ID --failed names, then run retry ID.',
  ),
  'document.conflict': entry(
    1,
    'Another object already stands at the destination of this document.',
    'Move it away; it is never overwritten.',
  ),
  'document.unproven': entry(
    1,
    'The destination did not prove that it holds the same bytes.',
    'Check the destination, then run the same command again.',
  ),
  'document.changed': entry(
    1,
    'The document changed each time that it was copied.',
    'Stop the services and run the same command again.',
  ),

  ...SERVICE_ERRORS,
  'check.failed': entry(
    5,
    'The check read back something other than it had written.',
    'Do not use this store before the cause is found.',
  ),
  'verify.wrong': entry(
    5,
    'Documents are missing, wrong or unreadable.',
    'Restore what is named from a backup, or from the source if that was kept.',
  ),
} as const satisfies Record<string, ErrorDescription>;

export type ErrorCode = keyof typeof ERROR_CATALOGUE;
