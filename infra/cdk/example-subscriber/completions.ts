/**
 * How many tasks were completed each day, as an example of what a subscriber does with events: it knows only what it is sent, and counts
 * each event once however often it comes.
 */
import type { MusterEventBridgeEvent, MusterEventOf } from "../../../schemas/typescript/muster-events.d.ts";

/** The message that the rule lets through: a task that was completed. */
export type Completion = MusterEventBridgeEvent<MusterEventOf<"TaskStatusChanged">>;

/** Where the counts are kept. */
export interface Counts {
  /** Counts one more on this day, unless this event was counted before: both or neither. Says whether it was counted now. */
  countOnce(eventId: string, day: string): Promise<boolean>;
}

/** A message that is not what the rule lets through. Trying again does not help: it goes to the dead letters. */
export class NotACompletion extends Error {}

/** The message in the body of a queue's message. */
export function completion(body: string): Completion {
  const message = JSON.parse(body) as Partial<Completion>;
  const { source, detail } = message;
  if (source !== "muster" || detail?.type !== "TaskStatusChanged") throw new NotACompletion("it is no change of a task's status");
  // A newer schema may mean something else: better a dead letter than a wrong count.
  if (detail.schema !== 1) throw new NotACompletion(`schema ${String(detail.schema)} of TaskStatusChanged is not known here`);
  return message as Completion;
}

/** Takes in one message. Says whether it counted. */
export async function take(body: string, counts: Counts): Promise<boolean> {
  const { detail } = completion(body);
  if (detail.data.to !== "completed") return false;
  return counts.countOnce(detail.event_id, detail.data.at.slice(0, 10));
}
