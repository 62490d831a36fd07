/** One of Anchore's tables, as Anchore Engine 1.1.0 creates it. */
export interface AnchoreTable {
  readonly name: string;
  /** Whether a migration cannot do without it, so that it is added to a database of an older Anchore that lacks it. */
  readonly needed: boolean;
  /** Enumerated types that the table needs, by name. */
  readonly enums: Readonly<Record<string, readonly string[]>>;
  readonly statements: readonly string[];
}

const RECORD_COLUMNS = `
  created_at integer,
  last_updated integer,
  record_state_key varchar,
  record_state_val varchar`;

const DOCUMENT_KEY_COLUMNS = `
  bucket varchar NOT NULL,
  "archiveId" varchar NOT NULL,
  "userId" varchar NOT NULL,
  "documentName" varchar NOT NULL`;

const DOCUMENT_KEY = 'PRIMARY KEY (bucket, "archiveId", "userId", "documentName")';

/**
 * Column for column, type for type and in the order of Anchore Engine 1.1.0's own (a test compares the catalogues), in an order in
 * which they can be created.
 */
export const ANCHORE_TABLES: readonly AnchoreTable[] = [
  {
    name: 'archive_metadata',
    needed: true,
    enums: {},
    statements: [
      `CREATE TABLE archive_metadata (${DOCUMENT_KEY_COLUMNS},
         content_url varchar,
         is_compressed boolean,
         digest varchar,
         size bigint,
         document_metadata varchar,${RECORD_COLUMNS},
         ${DOCUMENT_KEY})`,
    ],
  },
  {
    name: 'archive_document',
    needed: true,
    enums: {},
    statements: [
      `CREATE TABLE archive_document (${DOCUMENT_KEY_COLUMNS},${RECORD_COLUMNS},
         jsondata varchar,
         b64_encoded boolean,
         ${DOCUMENT_KEY})`,
    ],
  },
  {
    name: 'object_storage',
    needed: true,
    enums: {},
    statements: [
      `CREATE TABLE object_storage (
         "userId" varchar NOT NULL,
         bucket varchar NOT NULL,
         key varchar NOT NULL,
         version varchar NOT NULL,
         object_metadata varchar,
         content bytea,
         created_at integer,
         last_updated integer,
         PRIMARY KEY ("userId", bucket, key, version))`,
    ],
  },
  {
    name: 'tasks',
    needed: true,
    enums: { task_states: ['initializing', 'pending', 'running', 'complete', 'failed'] },
    statements: [
      `CREATE TABLE tasks (
         id serial NOT NULL,
         state task_states,
         last_state task_states,
         created_at timestamp without time zone,
         started_at timestamp without time zone,
         ended_at timestamp without time zone,
         last_updated timestamp without time zone,
         executor_id varchar,
         type varchar,
         PRIMARY KEY (id))`,
    ],
  },
  {
    name: 'archive_migration_tasks',
    needed: true,
    enums: {},
    statements: [
      `CREATE TABLE archive_migration_tasks (
         id integer NOT NULL,
         migrate_from_driver varchar,
         migrate_to_driver varchar,
         archive_documents_to_migrate integer,
         archive_documents_migrated integer,
         online_migration boolean,
         PRIMARY KEY (id),
         FOREIGN KEY (id) REFERENCES tasks (id))`,
    ],
  },
  {
    name: 'policy_bundle',
    needed: false,
    enums: {},
    statements: [
      `CREATE TABLE policy_bundle (
         "policyId" varchar NOT NULL,
         "userId" varchar NOT NULL,${RECORD_COLUMNS},
         active boolean,
         policy_source varchar,
         PRIMARY KEY ("policyId", "userId"))`,
    ],
  },
  {
    name: 'services',
    needed: false,
    enums: {},
    statements: [
      `CREATE TABLE services (
         hostid varchar NOT NULL,
         servicename varchar NOT NULL,${RECORD_COLUMNS},
         type varchar,
         version varchar,
         base_url varchar,
         short_description varchar,
         status boolean,
         status_message varchar,
         heartbeat integer,
         PRIMARY KEY (hostid, servicename))`,
    ],
  },
  {
    name: 'anchore',
    needed: false,
    enums: {},
    statements: [
      `CREATE TABLE anchore (
         service_version varchar NOT NULL,
         db_version varchar NOT NULL,${RECORD_COLUMNS},
         scanner_version varchar,
         PRIMARY KEY (service_version, db_version))`,
    ],
  },
  {
    name: 'accounts',
    needed: false,
    enums: {
      account_states: ['enabled', 'disabled', 'deleting'],
      account_types: ['user', 'admin', 'service', 'external'],
    },
    statements: [
      `CREATE TABLE accounts (
         name varchar NOT NULL,
         state account_states,
         type account_types NOT NULL,
         email varchar,
         created_at integer,
         last_updated integer,
         PRIMARY KEY (name))`,
    ],
  },
  {
    name: 'account_users',
    needed: false,
    enums: { user_types: ['native', 'external', 'internal'] },
    statements: [
      `CREATE TABLE account_users (
         username varchar NOT NULL,
         account_name varchar,
         type user_types NOT NULL,
         source varchar,
         created_at integer,
         last_updated integer,
         uuid varchar NOT NULL,
         PRIMARY KEY (username),
         FOREIGN KEY (account_name) REFERENCES accounts (name))`,
      'CREATE INDEX ix_account_users_account_name ON account_users (account_name)',
      'CREATE UNIQUE INDEX ix_account_users_uuid ON account_users (uuid)',
    ],
  },
  {
    name: 'user_access_credentials',
    needed: false,
    enums: { user_access_credential_types: ['password', 'token'] },
    statements: [
      `CREATE TABLE user_access_credentials (
         username varchar NOT NULL,
         type user_access_credential_types NOT NULL,
         value varchar NOT NULL,
         created_at integer,
         PRIMARY KEY (username, type),
         FOREIGN KEY (username) REFERENCES account_users (username))`,
    ],
  },
];
