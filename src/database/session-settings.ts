/** What each connection is told at its beginning, so that neither the server's nor the role's defaults matter. */
export interface SessionSettings {
  readonly schema: string;
  /** 0 is no limit. */
  readonly statementTimeoutMs: number;
}

export const quoteIdentifier = (name: string): string => `"${name.replaceAll('"', '""')}"`;

/** The one statement that says it all, in one round trip. */
export const planSessionSettings = (
  settings: SessionSettings,
): { readonly text: string; readonly values: readonly string[] } => {
  const entries: Readonly<Record<string, string>> = {
    search_path: quoteIdentifier(settings.schema),
    statement_timeout: String(settings.statementTimeoutMs),
    TimeZone: 'UTC',
    DateStyle: 'ISO, YMD',
    bytea_output: 'hex',
    client_min_messages: 'warning',
    default_transaction_isolation: 'read committed',
    idle_in_transaction_session_timeout: '0',
    // A client whose machine vanished would otherwise hold its locks for hours.
    tcp_keepalives_idle: '30',
    tcp_keepalives_interval: '10',
    tcp_keepalives_count: '3',
  };
  const calls = Object.keys(entries).map((name, index) => `set_config('${name}', $${index + 1}, false)`);
  return { text: `SELECT ${calls.join(', ')}`, values: Object.values(entries) };
};
