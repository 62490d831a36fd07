import { z } from 'zod';
import { AppError } from '../../core/errors.ts';

/** What to look for in a catalogue of services. */
export interface EndpointWanted {
  readonly serviceType: string;
  readonly endpointType: 'public' | 'internal' | 'admin';
  /** undefined: the first one, whatever its region. */
  readonly region: string | undefined;
}

/** One way to reach a service. */
interface Endpoint {
  readonly serviceType: string;
  readonly endpointType: string;
  readonly region: string | undefined;
  readonly url: string;
}

const text = z.string().nullish();

/** The identity API's version 2: an endpoint holds the URLs of all interfaces. */
const catalogueV2 = z.array(
  z.object({
    type: z.string(),
    endpoints: z.array(z.object({ region: text, publicURL: text, internalURL: text, adminURL: text })),
  }),
);

/** The identity API's version 3: an endpoint has one interface. */
const catalogueV3 = z.array(
  z.object({
    type: z.string(),
    endpoints: z.array(z.object({ interface: z.string(), region: text, region_id: text, url: z.string() })),
  }),
);

const endpointsV2 = (catalogue: unknown): Endpoint[] =>
  catalogueV2.parse(catalogue).flatMap(({ type, endpoints }) =>
    endpoints.flatMap((endpoint) =>
      (['public', 'internal', 'admin'] as const).flatMap((endpointType) => {
        const url = endpoint[`${endpointType}URL`];
        return url ? [{ serviceType: type, endpointType, region: endpoint.region ?? undefined, url }] : [];
      }),
    ),
  );

const endpointsV3 = (catalogue: unknown): Endpoint[] =>
  catalogueV3.parse(catalogue).flatMap(({ type, endpoints }) =>
    endpoints.map((endpoint) => ({
      serviceType: type,
      // Some catalogues name the interface as version 2 did.
      endpointType: endpoint.interface.replace(/URL$/, ''),
      region: endpoint.region_id ?? endpoint.region ?? undefined,
      url: endpoint.url,
    })),
  );

/**
 * Finds the storage URL in what Keystone answered. Throws `config.invalid`, naming what the catalogue does have, where
 * nothing fits.
 */
export const findStorageUrl = (version: 2 | 3, catalogue: unknown, wanted: EndpointWanted): string => {
  const endpoints = version === 2 ? endpointsV2(catalogue ?? []) : endpointsV3(catalogue ?? []);
  const ofType = endpoints.filter(({ serviceType }) => serviceType === wanted.serviceType);
  const found = ofType.find(
    ({ endpointType, region }) =>
      endpointType === wanted.endpointType && (wanted.region === undefined || region === wanted.region),
  );
  if (found !== undefined) return found.url;
  const had =
    ofType.length > 0 ? ofType.map(({ endpointType, region }) => `${endpointType} in ${region ?? 'no region'}`) : [];
  const offered =
    had.length > 0
      ? [...new Set(had)].join(', ')
      : [...new Set(endpoints.map(({ serviceType }) => serviceType))].join(', ');
  throw new AppError(
    'config.invalid',
    `the service catalogue has no ${wanted.endpointType} endpoint of type ${wanted.serviceType}` +
      `${wanted.region === undefined ? '' : ` in region ${wanted.region}`}; it has: ${offered || 'nothing'}`,
    {
      remedy:
        'Correct os_region_name, os_endpoint_type or os_service_type, check that the user has a project, or set os_storage_url.',
    },
  );
};
