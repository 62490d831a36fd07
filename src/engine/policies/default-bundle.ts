/** The bundle with which a new archive begins. Its id is that of the operator's guide. */
export const DEFAULT_BUNDLE = {
  blacklisted_images: [],
  comment: 'Default bundle',
  id: '2c53a13c-1765-11e8-82ef-23527761d060',
  mappings: [
    {
      id: 'c4f9bf74-dc38-4ddf-b5cf-00e9c0074611',
      image: { type: 'tag', value: '*' },
      name: 'default',
      policy_id: '48e6f7d6-1765-11e8-b5f9-8b6f228548b6',
      registry: '*',
      repository: '*',
      whitelist_ids: ['37fd763e-1765-11e8-add4-3b16c029ac5c'],
    },
  ],
  name: 'Default bundle',
  policies: [
    {
      comment: 'System default policy',
      id: '48e6f7d6-1765-11e8-b5f9-8b6f228548b6',
      name: 'DefaultPolicy',
      rules: [
        {
          action: 'STOP',
          gate: 'dockerfile',
          id: '312d9e41-1c05-4e2f-ad89-b7d34b0855bb',
          params: [
            { name: 'instruction', value: 'FROM' },
            { name: 'check', value: '=' },
            { name: 'value', value: 'scratch' },
          ],
          trigger: 'instruction',
        },
        {
          action: 'WARN',
          gate: 'vulnerabilities',
          id: 'b30e8abc-444f-45b1-8a37-55be1b8c8bb5',
          params: [
            { name: 'package_type', value: 'all' },
            { name: 'severity_comparison', value: '>' },
            { name: 'severity', value: 'medium' },
          ],
          trigger: 'package',
        },
      ],
      version: '1_0',
    },
  ],
  version: '1_0',
  whitelisted_images: [],
  whitelists: [
    {
      comment: 'Default global whitelist',
      id: '37fd763e-1765-11e8-add4-3b16c029ac5c',
      items: [],
      name: 'Global Whitelist',
      version: '1_0',
    },
  ],
} as const;
