import { checkCauses } from './check-causes.ts';

checkCauses({
  server: 'swift',
  driver: 'swift',
  right: ({ authUrl = '', user = '', key = '' }) => ({
    auth: authUrl,
    auth_version: '1',
    user,
    key,
    container: 'check-causes',
    create_container: true,
  }),
  causes: [
    {
      name: 'a key that is wrong',
      wrong: () => ({ key: 'hidden-not-the-key' }),
      code: 'store.credentials',
      error: /^authentication at .* as user .*HTTP 401/,
      remedy: /^Check the key that is named and its secret\.$/,
    },
    {
      name: 'a user that nobody is',
      wrong: () => ({ user: 'nobody:nowhere' }),
      code: 'store.credentials',
      error: /^authentication at .* as user nobody:nowhere/,
      remedy: /^Check the key that is named and its secret\.$/,
    },
    {
      name: 'a container that is not there',
      wrong: () => ({ container: 'check-causes-absent', create_container: false }),
      code: 'store.container-missing',
      error: /^the container "check-causes-absent" does not exist/,
      remedy: /create/i,
    },
  ],
});
