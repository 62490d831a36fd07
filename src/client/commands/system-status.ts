import type { z } from 'zod';
import { systemSchema } from '../answers.ts';
import type { Command } from '../context.ts';

type ServiceState = z.infer<typeof systemSchema>['service_states'][number];

const describeService = (state: ServiceState): string => {
  const status = state.status === true ? 'up' : `down (${state.status_message ?? 'Status Unknown'})`;
  return `Service ${state.servicename} (${state.hostid ?? 'HostID Unknown'}, ${state.base_url ?? 'Base URL Unknown'}): ${status}`;
};

/** Services of the original that have no counterpart are told of for its own client, which waits for them. */
const isAbsent = (state: ServiceState): boolean => state.hostid === '-' && state.base_url == null;

/** The versions of the API that is up, else of any service that tells them. */
const findDetail = (states: readonly ServiceState[]): ServiceState['service_detail'] =>
  states.find(({ servicename, status }) => servicename === 'apiext' && status === true)?.service_detail ??
  states.find(({ service_detail: detail }) => (detail?.version ?? detail?.db_version) != null)?.service_detail;

/** Prints which services there are, and whether they are up. */
export const systemStatus: Command = async ({ service, output }) => {
  const { answer, value } = await service.getAs('/system', systemSchema);
  const detail = findDetail(value.service_states);
  output.text(
    [
      ...value.service_states.filter((state) => !isAbsent(state)).map(describeService),
      '',
      `Engine DB Version: ${detail?.db_version ?? 'Not Found'}`,
      `Engine Code Version: ${detail?.version ?? 'Not Found'}`,
    ].join('\n'),
  );
  output.object(answer);
  return 0;
};
