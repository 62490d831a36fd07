/** The same documents written and then read, through a service or by a driver alone. */
export interface DocumentLoopJob {
  readonly through:
    | { readonly kind: 'service'; readonly catalogUrl: string; readonly authorization: string }
    | { readonly kind: 'driver'; readonly configFile: string; readonly databaseUrl: string };
  /** A folder, and files in it as `userId/bucket/archiveId`. */
  readonly folder: string;
  readonly keys: readonly string[];
  readonly concurrency: number;
}

export interface DocumentLoopReport {
  readonly putSeconds: number;
  readonly getSeconds: number;
}
