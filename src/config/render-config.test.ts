import assert from 'node:assert/strict';
import test from 'node:test';
import { parseArchiveConfig } from './archive-section.ts';
import { parseConfigFile } from './config-file.ts';
import { renderJson, renderPythonDict, renderYaml } from './render-config.ts';

const config = parseArchiveConfig(
  parseConfigFile(
    'c.yaml',
    `services:
  catalog:
    archive:
      storage_driver:
        name: s3
        config:
          url: http://minio:9000/
          access_key: AKIA
          secret_key: \${ANCHORE_S3_SECRET}
          region: False
          prefix: 'y'
          create_bucket: on
          bucket: "it's"
`,
    { ANCHORE_S3_SECRET: 'topsecretvalue' },
  ),
);

test('JSON, indented, in the order of the file, with defaults', () => {
  assert.equal(
    renderJson(config.forDisplay),
    `{
  "compression": {
    "enabled": false,
    "min_size_kbytes": 100
  },
  "storage_driver": {
    "name": "s3",
    "config": {
      "url": "http://minio:9000/",
      "access_key": "AKIA",
      "secret_key": "****",
      "region": false,
      "prefix": "y",
      "create_bucket": true,
      "bucket": "it's"
    }
  }
}`,
  );
});

test('one line, as Python prints a dict', () => {
  assert.equal(
    renderPythonDict(config.forDisplay),
    `{'compression': {'enabled': False, 'min_size_kbytes': 100}, 'storage_driver': {'name': 's3', 'config': {'url': 'http://minio:9000/', 'access_key': 'AKIA', 'secret_key': '****', 'region': False, 'prefix': 'y', 'create_bucket': True, 'bucket': "it's"}}}`,
  );
  assert.equal(renderPythonDict({ a: null, b: [1, 'x\n'] }), String.raw`{'a': None, 'b': [1, 'x\n']}`);
});

test('YAML, keys sorted, which means the same when it is read again; a secret from a variable is shown as that', () => {
  const yaml = renderYaml(config.asWritten);
  assert.equal(
    yaml,
    `compression:
  enabled: false
  min_size_kbytes: 100
storage_driver:
  config:
    access_key: AKIA
    bucket: it's
    create_bucket: true
    prefix: 'y'
    region: false
    secret_key: \${ANCHORE_S3_SECRET}
    url: http://minio:9000/
  name: s3
`,
  );
  const nested = `services:\n  catalog:\n    object_store:\n${yaml.replaceAll(/^(?=.)/gm, '      ')}`;
  const again = parseArchiveConfig(parseConfigFile('d.yaml', nested, { ANCHORE_S3_SECRET: 'topsecretvalue' }));
  assert.deepEqual(again.driver, config.driver);
});

test('an empty config is {} in YAML', () => {
  assert.equal(
    renderYaml({ storage_driver: { name: 'db', config: {} } }),
    'storage_driver:\n  config: {}\n  name: db\n',
  );
});
