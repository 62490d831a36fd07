import { randomBytes } from 'node:crypto';
import { getRunning } from '../../scripts/servers/running.ts';
import { describeDocuments } from '../engine/document-cases.ts';

describeDocuments('the service on Swift', {
  archive: async () => {
    const { authUrl = '', user = '', key = '' } = (await getRunning('swift')).credentials;
    const container = `engine-${randomBytes(6).toString('hex')}`;
    const options = `{auth: '${authUrl}', auth_version: '1', user: '${user}', key: '${key}', container: ${container}, create_container: true}`;
    return `{compression: {enabled: true, min_size_kbytes: 1}, storage_driver: {name: swift, config: ${options}}}`;
  },
});
