/**
 * The kinds of alarms. Each has a section in docs/runbook.md under its title, which says what it means, what to look at and what to do; a test
 * compares the two.
 */
export interface AlarmKind {
  /** The heading of its section. */
  readonly title: string;
  /** What has happened, in one sentence. */
  readonly sentence: string;
}

export const ALARM_KINDS = {
  "api-errors": { title: "API errors", sentence: "The API answers with server errors (5xx)." },
  "api-latency": { title: "API latency", sentence: "One request in a hundred takes longer than 2 seconds." },
  "stream-behind": { title: "Stream behind", sentence: "The function is more than a minute behind the event table's stream." },
  "events-refused": { title: "Events refused", sentence: "The bus refuses events that the publisher puts on it." },
  "rule-failures": { title: "Rule failures", sentence: "A rule of the bus could not deliver events to its queue." },
  "queue-behind": { title: "Queue behind", sentence: "A message has been waiting in the queue for more than 5 minutes." },
  "dead-letters": { title: "Dead letters", sentence: "Something was given up and waits in a dead-letter queue." },
  "function-errors": { title: "Function errors", sentence: "The function fails." },
  "function-throttles": { title: "Function throttles", sentence: "Lambda refuses to start the function as often as it is called." },
  "table-throttles": { title: "Table throttles", sentence: "DynamoDB refuses requests to the table or its indexes because there are too many." },
  "projection-lag": { title: "Projection lag", sentence: "Events reach the read model later than 30 seconds after they were recorded." },
  "projection-behind": { title: "Projection behind", sentence: "The sweeper found rows that were behind their history." },
  "events-parked": { title: "Events parked", sentence: "A row stopped before an event that the projection cannot take in." },
  "event-table-changed": {
    title: "Event table changed",
    sentence: "Something in the event table was changed or removed, which must never happen.",
  },
  "digest-missing": { title: "Digest missing", sentence: "No digest over the heads of the histories was taken for two hours." },
  "history-contradicted": {
    title: "History contradicted",
    sentence: "A history is not as an earlier digest has it: it was cut or written anew.",
  },
} as const satisfies Record<string, AlarmKind>;

export type AlarmKindName = keyof typeof ALARM_KINDS;

/** What an alarm says: its sentence, and where to read on. */
export function description(kind: AlarmKindName): string {
  return `${ALARM_KINDS[kind].sentence} docs/runbook.md#${kind}`;
}
