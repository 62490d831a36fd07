import type { HttpBindings } from '@hono/node-server';
import type { Context } from 'hono';
import type { Authenticator, Caller } from '../auth/authenticator.ts';
import type { UserDirectory } from '../auth/user-directory.ts';
import type { DocumentArchive } from '../documents/document-archive.ts';
import type { DocumentMemory } from '../documents/document-memory.ts';
import type { Logger } from '../engine-log.ts';
import type { ServiceState } from '../heartbeat.ts';
import type { Policies } from '../policies/policies.ts';
import type { Metrics } from './metrics.ts';

/** What every request finds. */
export interface RequestEnvironment {
  Bindings: HttpBindings;
  Variables: {
    requestId: string;
    /** Aborted when the request has taken too long, or the service is forced to stop. */
    signal: AbortSignal;
    caller: Caller;
  };
}

export type RequestContext = Context<RequestEnvironment>;

/** What the routes of a service need of it. */
export interface ServiceParts {
  readonly documents: DocumentArchive;
  readonly policies: Policies;
  readonly directory: UserDirectory;
  readonly authenticator: Authenticator;
  readonly listServices: () => Promise<readonly ServiceState[]>;
  readonly checkDatabase: () => Promise<void>;
  readonly metrics: Metrics;
  readonly logger: Logger;
  readonly limits: {
    readonly maxDocumentBytes: number;
    readonly requestTimeoutMs: number;
  };
  readonly memory: DocumentMemory;
  /** Where bodies that are too large for memory are kept meanwhile. */
  readonly temporaryFolder: string;
  readonly version: string;
  readonly dbVersion: string;
  /** Whether the service has begun to stop. */
  readonly isStopping: () => boolean;
  /** Aborted when requests under way must end now. */
  readonly forced: AbortSignal;
}
