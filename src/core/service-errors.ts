import { entry, type ErrorDescription } from './error-description.ts';

/** The errors between the service and those who use it; part of the catalogue. */
export const SERVICE_ERRORS = {
  'request.invalid': entry(1, 'A request to the service cannot be understood.', 'Correct what the message names.'),
  'request.unauthorized': entry(2, 'The user or the password is wrong.', 'Check the user and the password.'),
  'request.forbidden': entry(1, 'The user may not do this.', 'Ask an administrator of the service.'),
  'request.not-found': entry(
    1,
    'What the request names does not exist.',
    'Check the name in the request; upper and lower case differ.',
  ),
  'request.conflict': entry(
    1,
    'The request does not fit the present state.',
    'Look at the state that the message names, and change the request to fit it.',
  ),
  'request.too-large': entry(1, 'The request is larger than the service takes.', 'Raise the limit that is named.'),
  'request.too-many': entry(1, 'Too many attempts failed.', 'Wait as long as the answer says.', true),
  'request.timeout': entry(
    1,
    'The request took too long.',
    'Send the request again, over a faster or less busy connection.',
    true,
  ),
  'service.address': entry(2, 'The service cannot listen on its address.', 'Name a free port and an own address.'),
  'service.failed': entry(
    2,
    'The service met an error, or is not the service that was meant.',
    'Look into the log of the service, at the time of the request.',
  ),
  'service.timeout': entry(
    2,
    'The service did not answer in time.',
    'Try again; if it stays so, look into the log of the service.',
    true,
  ),
  'service.tls': entry(
    2,
    'The certificate of the service is not trusted, or it does not speak TLS.',
    'Give --cacert FILE with the CA of the service, or --insecure where that does not matter.',
  ),
  'service.unavailable': entry(1, 'The service cannot do this now.', 'Try again in a while.', true),
  'service.unreachable': entry(
    2,
    'The service cannot be reached.',
    'Check the URL, and whether the service runs: anchore-cli system wait waits for it.',
    true,
  ),
} as const satisfies Record<string, ErrorDescription>;
