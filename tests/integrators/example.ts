// What a program of an integrator looks like to the compiler. It is never run: `integrators.test.js` compiles it, strictly.
import type {
  MusterEvent,
  MusterEventBridgeEvent,
  MusterEventOf,
  MusterEventType,
  MusterWebhookTest,
} from "../../schemas/typescript/muster-events.d.ts";

/** The type tells what the data is. */
export function line(event: MusterEvent): string {
  switch (event.type) {
    case "TaskCreated":
      return `${event.data.title} (${event.data.priority}), ${event.data.labels?.join(", ") ?? "no labels"}`;
    case "TaskAssigned":
      return `${event.data.from ?? "nobody"} → ${event.data.to}`;
    case "TaskStatusChanged":
      return `${event.data.from} → ${event.data.to} at ${event.data.at}`;
    default:
      return event.type;
  }
}

/** The number of the schema tells older shapes from newer ones: names were in the open once. */
export function nameOf(event: MusterEventOf<"UserRegistered">): string {
  return event.schema === 1 ? event.data.name : event.data.name.sealed;
}

export function handler(message: MusterEventBridgeEvent): [MusterEventType, string, number] {
  const { stream, version } = message.detail;
  return [message["detail-type"], `${stream.type}#${stream.id}`, version];
}

/** What comes to a webhook: an event, or the test of somebody who tries it. */
export function received(body: MusterEvent | MusterWebhookTest): string {
  return body.type === "WebhookTest" ? `a test of ${body.webhook_id}, sent at ${body.sent_at}` : line(body);
}

export function actor(event: MusterEvent): string {
  return event.actor.type === "user" ? event.actor.id : event.actor.name;
}

export function mistakes(event: MusterEvent, test: MusterWebhookTest): void {
  // @ts-expect-error: there is no such type
  if (event.type === "TaskVanished") return;
  if (event.type === "TaskAssigned") {
    // @ts-expect-error: an assignment has no title
    event.data.title;
    // @ts-expect-error: nobody may have had it before
    event.data.from.length;
  }
  if (event.type === "TaskStatusChanged") {
    // @ts-expect-error: there is no such status
    if (event.data.to === "done") return;
  }
  // @ts-expect-error: the data of any event has nothing in common
  event.data.at;
  // @ts-expect-error: a test is no event
  test.data;
}
