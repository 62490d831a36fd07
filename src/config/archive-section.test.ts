import assert from 'node:assert/strict';
import test from 'node:test';
import { isAppError } from '../core/errors.ts';
import { createLog } from '../core/log.ts';
import { redact } from '../core/secrets.ts';
import { type ArchiveChoice, type ArchiveConfig, parseArchiveConfig } from './archive-section.ts';
import { parseConfigFile } from './config-file.ts';
import { renderJson, renderPythonDict, renderYaml } from './render-config.ts';
import { CONFIGURABLE_DRIVERS } from '../drivers/sections.ts';

type Variables = Record<string, string>;

const parse = (text: string, environment: Variables = {}, choice: ArchiveChoice = {}): ArchiveConfig =>
  parseArchiveConfig(parseConfigFile('c.yaml', text, environment), choice);

const failureOf = (text: string, environment: Variables = {}, choice: ArchiveChoice = {}): string => {
  try {
    parse(text, environment, choice);
  } catch (error) {
    assert.ok(isAppError(error, 'config.invalid'), String(error));
    return error.message;
  }
  throw new Error('no error');
};

/** A file with one archive section; `body` is indented below it. Its first line is line 4. */
const sectionFile = (body: string, name = 'object_store'): string =>
  `services:\n  catalog:\n    ${name}:\n${body.replaceAll(/^/gm, '      ')}\n`;

/** The options of one driver; the first option is on line 7. */
const driverFile = (name: string, options: string): string =>
  sectionFile(`storage_driver:\n  name: ${name}\n  config:\n${options.replaceAll(/^/gm, '    ')}`);

const S3 = 'bucket: b\naccess_key: AKIA\nsecret_key: topsecretvalue\n';

test("the guide's own file for S3", () => {
  const config = parse(
    sectionFile(
      `compression:\n  enabled: true\n  min_size_kbytes: 50\nstorage_driver:\n  name: s3\n  config:\n    access_key: 9EB92C7W61YPFQ6QLDOU\n    secret_key: TuHo2UbBx+amD3YiCeidy\n    create_bucket: true\n    url: 'http://minio-ephemeral-test:9000/'\n    region: False\n    bucket: anchore-engine-testing\n    prefix: internaltest`,
      'archive',
    ),
  );
  assert.equal(config.sectionPath, 'services.catalog.archive');
  assert.deepEqual(config.compression, { enabled: true, minSizeKbytes: 50 });
  assert.deepEqual(config.warnings, []);
  assert.deepEqual(config.driver, {
    name: 's3',
    options: {
      bucket: 'anchore-engine-testing',
      credentials: {
        kind: 'static',
        accessKey: '9EB92C7W61YPFQ6QLDOU',
        secretKey: 'TuHo2UbBx+amD3YiCeidy',
        sessionToken: undefined,
      },
      url: 'http://minio-ephemeral-test:9000/',
      region: undefined,
      createBucket: true,
      prefix: 'internaltest',
      addressingStyle: 'path',
      caFile: undefined,
      verify: true,
      sse: undefined,
      storageClass: undefined,
      checksum: 'md5',
    },
  });
});

test('defaults: db, no compression, 100 KB', () => {
  for (const body of [
    'storage_driver: {name: db, config: {}}',
    'storage_driver: {name: db}',
    'storage_driver:',
    'compression:\nstorage_driver: {}',
    'compression: {enabled: false}',
  ]) {
    const config = parse(sectionFile(body));
    assert.equal(config.driver.name, 'db', body);
    assert.deepEqual(config.compression, { enabled: false, minSizeKbytes: 100 });
  }
});

test('without any section the default is assumed, and said', () => {
  const config = parse('services:\n  catalog:\n    enabled: True\n');
  assert.equal(config.driver.name, 'db');
  assert.match(config.warnings.join(), /c\.yaml:3 services\.catalog: no section object_store or archive/);
});

test('of two sections object_store wins, with a warning', () => {
  const both = `services: {catalog: {archive: {storage_driver: {name: db2}},\n object_store: {storage_driver: {name: db}}}}`;
  const config = parse(both);
  assert.equal(config.driver.name, 'db');
  assert.match(config.warnings.join(), /c\.yaml:1 services\.catalog\.archive: ignored/);
});

test('an empty object_store does not hide archive, as in the original', () => {
  assert.equal(
    parse('services: {catalog: {object_store: , archive: {storage_driver: {name: db2}}}}').driver.name,
    'db2',
  );
});

test('the analysis archive is its own section, and known beside the ordinary one', () => {
  const text =
    'services: {catalog: {object_store: {storage_driver: {name: db}}, analysis_archive: {storage_driver: {name: db2}}}}';
  const ordinary = parse(text);
  assert.deepEqual(
    [ordinary.driver.name, ordinary.hasAnalysisArchive, ordinary.claimsAnalysisArchive],
    ['db', true, false],
  );
  const analyses = parse(text, {}, { analysisArchive: true });
  assert.deepEqual(
    [analyses.driver.name, analyses.hasAnalysisArchive, analyses.claimsAnalysisArchive],
    ['db2', true, true],
  );
  assert.match(
    failureOf(sectionFile('storage_driver: {name: db}'), {}, { analysisArchive: true }),
    /^c\.yaml:3 services\.catalog\.analysis_archive: expected the section of the separate analysis archive; got nothing$/,
  );
});

test('the form before 0.2.4', () => {
  const localfs = parse('services:\n  catalog:\n    archive_driver: localfs\n    archive_data_dir: /archive\n');
  assert.deepEqual(localfs.driver, {
    name: 'localfs',
    options: { archiveDataDir: '/archive', owner: undefined, fileMode: undefined, folderMode: undefined },
  });
  assert.equal(localfs.sectionPath, 'services.catalog');
  assert.match(localfs.warnings.join(), /form before 0\.2\.4/);
  assert.equal(parse('services: {catalog: {archive_driver: db}}').driver.name, 'db');
  assert.equal(
    parse('services: {catalog: {archive_driver: localfs, use_db: True, archive_data_dir: /a}}').driver.name,
    'db',
  );
  assert.equal(parse('services: {catalog: {use_db: False, archive_data_dir: /a}}').driver.name, 'localfs');
  assert.equal(parse('services: {catalog: {use_db: True, archive_data_dir: /a}}').driver.name, 'db');
  assert.equal(
    failureOf('services:\n  catalog:\n    archive_driver: localfs\n'),
    'c.yaml:3 services.catalog.archive_data_dir: expected the path of a folder; got nothing',
  );
  assert.match(
    failureOf('services:\n  catalog:\n    archive_driver: tape\n'),
    /^c\.yaml:3 services\.catalog\.archive_driver: expected one of .*; got "tape"$/,
  );
});

test('errors name file, line, key, what was expected and what was found', () => {
  const config = 'services.catalog.object_store.storage_driver.config';
  const cases: readonly (readonly [text: string, message: string])[] = [
    [
      sectionFile('storage_driver:\n  name: s4'),
      `c.yaml:5 services.catalog.object_store.storage_driver.name: expected one of ${CONFIGURABLE_DRIVERS.join(', ')}; got "s4"`,
    ],
    [
      sectionFile('storage_driver: text'),
      'c.yaml:4 services.catalog.object_store.storage_driver: expected a mapping; got "text"',
    ],
    [
      sectionFile('storage_driver: {name: [s3]}'),
      `c.yaml:4 services.catalog.object_store.storage_driver.name: expected one of ${CONFIGURABLE_DRIVERS.join(', ')}; got a list`,
    ],
    [
      sectionFile('compression:\n  enabled: maybe'),
      'c.yaml:5 services.catalog.object_store.compression.enabled: expected true or false; got "maybe"',
    ],
    [
      sectionFile('compression:\n  min_size_kbytes: -1'),
      'c.yaml:5 services.catalog.object_store.compression.min_size_kbytes: expected a whole number of kilobytes; got -1',
    ],
    [
      driverFile('s3', 'access_key: a\nsecret_key: topsecretvalue'),
      `c.yaml:7 ${config}.bucket: expected the name of a bucket; got nothing`,
    ],
    [
      driverFile('s3', 'buckt: b\naccess_key: a\nsecret_key: topsecretvalue'),
      `c.yaml:7 ${config}.buckt: there is no such key; did you mean bucket?`,
    ],
    [
      driverFile('s3', 'bucket: b'),
      `c.yaml:7 ${config}.access_key: expected access_key and secret_key, or iamauto: true; got nothing`,
    ],
    [
      driverFile('s3', 'bucket: b\naccess_key: a'),
      `c.yaml:7 ${config}.secret_key: expected both access_key and secret_key; got nothing`,
    ],
    [
      driverFile('s3', `${S3}region: [a]`),
      `c.yaml:10 ${config}.region: expected the name of a region, or false; got a list`,
    ],
    [
      driverFile('s3', `${S3}url: minio:9000`),
      `c.yaml:10 ${config}.url: expected an http:// or https:// URL; got "minio:9000"`,
    ],
    [
      driverFile('s3', `${S3}create_bucket: perhaps`),
      `c.yaml:10 ${config}.create_bucket: expected true or false; got "perhaps"`,
    ],
    [
      driverFile('s3', `${S3}addressing_style: host`),
      `c.yaml:10 ${config}.addressing_style: expected path or virtual; got "host"`,
    ],
    [
      driverFile('s3', `${S3}checksum: crc`),
      `c.yaml:10 ${config}.checksum: expected one of md5, crc32c, crc64nvme, sha256, none; got "crc"`,
    ],
    [
      driverFile('s3', 'bucket: b\naccess_key: a\nsecret_key: [x]'),
      `c.yaml:9 ${config}.secret_key: expected a secret key; got a value that is not shown`,
    ],
    [
      driverFile('localfs', 'archive_data_dir: ""'),
      `c.yaml:7 ${config}.archive_data_dir: expected the path of a folder; got ""`,
    ],
    [
      driverFile('localfs', 'archive_data_dir: /a\nmode: rw'),
      `c.yaml:8 ${config}.mode: expected permission bits in octal, such as 0640; got "rw"`,
    ],
    [
      driverFile('localfs', 'archive_data_dir: /a\nowner: anchore'),
      `c.yaml:8 ${config}.owner: expected a numeric user id and group id, such as 1000:1000; got "anchore"`,
    ],
    [
      driverFile('swift', 'auth: http://x'),
      `c.yaml:7 ${config}.container: expected the name of a container; got nothing`,
    ],
    [
      driverFile('swift', 'container: c\nauth: http://x\nuser: u\nauth_version: 4\nkey: k'),
      `c.yaml:10 ${config}.auth_version: expected 1, 2 or 3; got 4`,
    ],
    ['a: 1\n', 'c.yaml:1 services: expected a mapping; got nothing'],
    ['services: {api: {}}\n', 'c.yaml:1 services.catalog: expected a mapping; got nothing'],
    ['services: [a]\n', 'c.yaml:1 services: expected a mapping; got a list'],
    ['text\n', 'c.yaml:1: expected a mapping with services; got "text"'],
    ['', 'c.yaml:1: expected a mapping with services; got nothing'],
  ];
  for (const [text, message] of cases) assert.equal(failureOf(text), message);
});

test("unknown keys of the section are named with their place; those elsewhere are nobody's business", () => {
  const text = driverFile('s3', `${S3}prefxi: a\nfoo: 1`).replace('services:', 'bogus: 1\nservices:');
  const { warnings } = parse(text);
  assert.deepEqual(warnings, [
    'c.yaml:11 services.catalog.object_store.storage_driver.config.prefxi: not an option of the s3 driver, so it is ignored; did you mean prefix?',
    'c.yaml:12 services.catalog.object_store.storage_driver.config.foo: not an option of the s3 driver, so it is ignored',
  ]);
  assert.match(
    parse(driverFile('db', 'archive_data_dir: /a')).warnings.join(),
    /archive_data_dir: not an option of the db driver/,
  );
  assert.match(
    parse(sectionFile('storage_drivers: {}\nstorage_driver: {name: db}')).warnings.join(),
    /did you mean storage_driver\?/,
  );
});

test('values arrive as a user means them', () => {
  const { driver } = parse(
    driverFile(
      's3',
      'bucket: 0123\naccess_key: 1e5\nsecret_key: 42\ncreate_bucket: "True"\nverify: "no"\nregion: "False"\nprefix:\naddressing_style: Virtual\nsse: AWS:KMS\nsse_kms_key_id: k\nchecksum: SHA256\nstorage_class: STANDARD_IA',
    ),
  );
  assert.ok(driver.name === 's3');
  const { options } = driver;
  assert.deepEqual(options.credentials, { kind: 'static', accessKey: '1e5', secretKey: '42', sessionToken: undefined });
  assert.deepEqual(
    [
      options.bucket,
      options.createBucket,
      options.verify,
      options.region,
      options.prefix,
      options.addressingStyle,
      options.checksum,
    ],
    ['0123', true, false, undefined, '', 'virtual', 'sha256'],
  );
  assert.deepEqual(options.sse, { mode: 'aws:kms', kmsKeyId: 'k' });
});

test("S3: the environment's words, the region, the credentials", () => {
  const optionsOf = (text: string, environment: Variables = {}) => {
    const { driver } = parse(driverFile('s3', text), environment);
    assert.ok(driver.name === 's3');
    return driver.options;
  };
  assert.equal(optionsOf(`${S3}region: us-west-2`).region, 'us-west-2');
  assert.equal(
    optionsOf(`${S3}region: us-west-2\nurl: https://s3.example`).region,
    undefined,
    'url makes the original ignore the region',
  );
  assert.equal(optionsOf(`${S3}url: ""`).url, undefined);
  assert.deepEqual(optionsOf('bucket: b\niamauto: yes').credentials, { kind: 'chain' });
  assert.equal(optionsOf(`${S3}iamauto: true`).credentials.kind, 'static');
  assert.deepEqual(optionsOf('bucket: b\naccess_key: ""\nsecret_key: ""').credentials, { kind: 'chain' });
  assert.equal(optionsOf(`${S3}create_bucket: \${ANCHORE_CREATE}`, { ANCHORE_CREATE: 'True' }).createBucket, true);
  assert.equal(optionsOf(`${S3}create_bucket: "\${ANCHORE_CREATE}"`, { ANCHORE_CREATE: '' }).createBucket, false);
  assert.deepEqual(optionsOf(`${S3}sse: {mode: aws:kms, kms_key_id: k}`).sse, { mode: 'aws:kms', kmsKeyId: 'k' });
  assert.deepEqual(optionsOf(`${S3}sse: aes256`).sse, { mode: 'AES256' });
  assert.match(
    failureOf(driverFile('s3', `${S3}sse: AES256\nsse_kms_key_id: k`)),
    /\.sse: expected aws:kms, because a KMS key is named/,
  );
});

test('localfs: owner and modes', () => {
  const { driver } = parse(driverFile('localfs', 'archive_data_dir: /a\nowner: 1000:1001\nmode: 0640'));
  assert.deepEqual(driver.options, {
    archiveDataDir: '/a',
    owner: { uid: 1000, gid: 1001 },
    fileMode: 0o640,
    folderMode: 0o750,
  });
  const other = parse(driverFile('localfs', 'archive_data_dir: /a\nowner: 7\nmode: "0o600"\nfolder_mode: 0711'));
  assert.deepEqual(other.driver.options, {
    archiveDataDir: '/a',
    owner: { uid: 7, gid: 7 },
    fileMode: 0o600,
    folderMode: 0o711,
  });
});

test('an unset ANCHORE variable is an error where it is needed, another one a warning, a comment neither', () => {
  const text = driverFile('s3', 'bucket: b\naccess_key: a\n# ${ANCHORE_COMMENT}\nsecret_key: ${ANCHORE_SECRET}');
  assert.equal(
    failureOf(text),
    'c.yaml:10 services.catalog.object_store.storage_driver.config.secret_key: expected the environment variable ANCHORE_SECRET to be set; got none of that name',
  );
  assert.equal(parse(text, { ANCHORE_SECRET: 'topsecretvalue' }).driver.name, 's3');
  const other = parse(driverFile('localfs', 'archive_data_dir: /a/${X}'));
  assert.ok(other.driver.name === 'localfs' && other.driver.options.archiveDataDir === '/a/${X}');
  assert.match(other.warnings.join(), /c\.yaml:7 .*archive_data_dir: the environment variable X is not set/);
  parse(driverFile('s3', 'bucket: b\naccess_key: a\nsecret_key: ${S3_UNSET}'));
  assert.equal(redact('${S3_UNSET} is kept'), '${S3_UNSET} is kept', 'the name of a variable is no secret');
  assert.equal(parse(`password: \${ANCHORE_ELSEWHERE}\n${driverFile('db', '{}')}`).driver.name, 'db');
});

test('secrets are shown nowhere: not in what is displayed, warned about, refused or logged', () => {
  const secrets = ['topsecretvalue', 'pw-in-url', 'swift-key-value', 'unknown-secret-value'];
  const s3 = parse(driverFile('s3', `${S3}url: http://me:pw-in-url@host:9000\nsecrt_key: unknown-secret-value`));
  const swift = parse(driverFile('swift', 'container: c\nauth: http://x\nuser: u\nkey: swift-key-value'));
  const lines: string[] = [];
  const log = createLog({ write: (line) => lines.push(line), debug: true });
  log.info(secrets.join(' '));
  for (const { forDisplay, asWritten, warnings } of [s3, swift])
    lines.push(renderJson(forDisplay), renderPythonDict(forDisplay), renderYaml(asWritten), warnings.join('\n'));
  const shown = lines.join('\n');
  for (const secret of secrets) assert.ok(!shown.includes(secret), secret);
  assert.match(shown, /"secret_key": "\*\*\*\*"/);
  assert.match(shown, /me:\*\*\*\*@host/);
});

test('a key that is all but one that counts is an error, since ignoring it would take another store', () => {
  const storage = 'storage_driver: {name: localfs, config: {archive_data_dir: /a}}';
  const cases: readonly (readonly [text: string, message: RegExp])[] = [
    [sectionFile(storage, 'objectstore'), /c\.yaml:4 services\.catalog\.objectstore: .*did you mean object_store\?/],
    [sectionFile(storage, 'archives'), /did you mean archive\?/],
    [sectionFile('storage-driver: {name: localfs}'), /object_store\.storage-driver: .*did you mean storage_driver\?/],
    [sectionFile('compresion: {enabled: true}\nstorage_driver: {name: db}'), /did you mean compression\?/],
    [sectionFile('storage_driver: {names: localfs}'), /storage_driver\.names: .*did you mean name\?/],
    [sectionFile('storage_driver: {name: localfs, confg: {}}'), /storage_driver\.confg: .*did you mean config\?/],
  ];
  for (const [text, message] of cases) assert.match(failureOf(text), message);
  const real =
    'services:\n  catalog:\n    enabled: true\n    require_auth: true\n    endpoint_hostname: h\n    listen: 0.0.0.0\n    port: 8228\n    authorization_handler: native\n    cycle_timer_seconds: 1\n    cycle_timers: {}\n    event_log: {}\n    max_request_threads: 50\n';
  assert.equal(parse(real).driver.name, 'db');
});

test('what is unknown in compression, and a relative folder, are told', () => {
  const { warnings } = parse(
    sectionFile('compression: {enable: true}\nstorage_driver: {name: localfs, config: {archive_data_dir: some/where}}'),
  );
  assert.equal(warnings.length, 2);
  assert.match(warnings[0] ?? '', /c\.yaml:4 .*compression\.enable: not an option .*did you mean enabled\?/);
  assert.match(
    warnings[1] ?? '',
    /c\.yaml:5 .*archive_data_dir: "some\/where" is relative: here it means \/.*some\/where,/,
  );
});
