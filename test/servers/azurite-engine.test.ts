import { describeDocuments } from '../engine/document-cases.ts';
import { azureOptions } from './azurite-subject.ts';
import { getRunning } from '../../scripts/servers/running.ts';

describeDocuments('the service on Azure', {
  // Azure changes or refuses some names: they are refused before anything is written.
  refusesNames: true,
  archive: async () => {
    const { url, container } = await azureOptions();
    const { account = '', key = '' } = (await getRunning('azurite')).credentials;
    const options = `{url: '${url}', container: ${container}, create_container: true, account: ${account}, account_key: '${key}'}`;
    return `{compression: {enabled: true, min_size_kbytes: 1}, storage_driver: {name: azure, config: ${options}}}`;
  },
});
