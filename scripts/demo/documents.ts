import { createHash } from 'node:crypto';
import type { DocumentKey } from '../../src/drivers/contract.ts';

export interface DemoDocument {
  readonly key: DocumentKey;
  readonly content: Uint8Array;
  /** Lower-case hex. */
  readonly sha256: string;
}

/** The policy bundle and the images of the operator's guide. */
const POLICY_ID = '2c53a13c-1765-11e8-82ef-23527761d060';
const IMAGES = [
  'sha256:0873c923e00e0fd2ba78041bfb64a105e1ecb7678916d1f7776311e45bf5634b',
  'sha256:a0cd2c88c5cc65499e959ac33c8ebab45f24e6348b48d8c34fd2308fcb0cc138',
] as const;

const documentOf = (bucket: string, archiveId: string, value: unknown): DemoDocument => {
  const content = Buffer.from(JSON.stringify({ document: value }));
  return {
    key: { userId: 'admin', bucket, archiveId, documentName: `${archiveId}.json` },
    content,
    sha256: createHash('sha256').update(content).digest('hex'),
  };
};

const layers = (digest: string): readonly string[] =>
  Array.from({ length: 8 }, (_, index) => createHash('sha256').update(`${digest}${index}`).digest('hex'));

const manifest = (digest: string) => ({
  schemaVersion: 2,
  mediaType: 'application/vnd.docker.distribution.manifest.v2+json',
  config: { digest, size: 6_000 },
  layers: layers(digest).map((layer, index) => ({ digest: `sha256:${layer}`, size: 1_000 * (index + 1) })),
});

const analysis = (digest: string) => ({
  image: {
    imageId: digest.slice('sha256:'.length),
    imagedata: {
      analysis_report: {
        package_list: Object.fromEntries(
          Array.from({ length: 150 }, (_, index) => [
            `package-${index}`,
            `${index % 9}.${index % 7}.${index % 5}-r${index % 3}`,
          ]),
        ),
        file_list: Object.fromEntries(
          layers(digest).map((layer) => [`/usr/lib/${layer}`, { mode: '0o644', size: layer.length }]),
        ),
      },
    },
  },
});

const content = (digest: string) => ({
  os: Array.from({ length: 40 }, (_, index) => ({
    package: `package-${index}`,
    version: `${index}.0`,
    license: 'MIT',
  })),
  files: layers(digest),
});

/** A policy bundle, and for each of two images its manifest, analysis and content: seven documents. */
export const createDemoDocuments = (): readonly DemoDocument[] => [
  documentOf('policy_bundles', POLICY_ID, {
    id: POLICY_ID,
    name: 'Default bundle',
    comment: 'Default bundle',
    version: '1_0',
    policies: [],
    whitelists: [],
    mappings: [],
    blacklisted_images: [],
    whitelisted_images: [],
  }),
  ...IMAGES.flatMap((digest) => [
    documentOf('manifest_data', digest, manifest(digest)),
    documentOf('analysis_data', digest, analysis(digest)),
    documentOf('image_content_data', digest, content(digest)),
  ]),
];
