import { checkCauses } from './check-causes.ts';

checkCauses({
  server: 'azurite',
  driver: 'azure',
  right: ({ url = '', account = '', key = '' }) => ({
    url,
    account,
    account_key: key,
    container: 'check-causes',
    create_container: true,
  }),
  causes: [
    {
      name: 'a key that is wrong',
      wrong: () => ({ account_key: Buffer.from('hidden-not-the-key').toString('base64') }),
      code: 'store.credentials',
      error: /azure:\/\/check-causes/,
      remedy: /^Check the key that is named and its secret\.$/,
    },
    {
      name: 'a container that is not there',
      wrong: () => ({ container: 'check-causes-absent', create_container: false }),
      code: 'store.container-missing',
      error: /check-causes-absent/,
      remedy: /create/i,
    },
  ],
});
