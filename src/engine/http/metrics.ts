/** What `/metrics` tells. */
export interface Metrics {
  requestEnded(service: string, method: string, route: string, status: number, seconds: number): void;
  requestsRunning(change: 1 | -1): void;
  documentBytes(direction: 'in' | 'out', bytes: number): void;
  /** The text of Prometheus, and its content type. */
  render(): Promise<{ readonly text: string; readonly contentType: string }>;
}

/** Loads the library only here: no other command pays for it. A registry of its own, so that nothing is global. */
export const createMetrics = async (version: string): Promise<Metrics> => {
  const { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } = await import('prom-client');
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry, prefix: 'anchore_engine_' });
  const requests = new Histogram({
    name: 'anchore_http_request_duration_seconds',
    help: 'How long requests took',
    labelNames: ['service', 'method', 'route', 'status'],
    buckets: [0.005, 0.02, 0.1, 0.5, 2, 10, 60],
    registers,
  });
  const running = new Gauge({ name: 'anchore_http_requests_running', help: 'Requests under way', registers });
  const bytes = new Counter({
    name: 'anchore_document_bytes_total',
    help: 'Content of documents that came and went',
    labelNames: ['direction'],
    registers,
  });
  new Gauge({ name: 'anchore_engine_info', help: 'The version', labelNames: ['version'], registers }).set(
    { version },
    1,
  );
  return {
    requestEnded: (service, method, route, status, seconds) =>
      requests.observe({ service, method, route, status: String(status) }, seconds),
    requestsRunning: (change) => running.inc(change),
    documentBytes: (direction, count) => bytes.inc({ direction }, count),
    render: async () => ({ text: await registry.metrics(), contentType: registry.contentType }),
  };
};
