import { describe, expect, test } from "vitest";

import { loadTopology, parseTopology } from "../lib/topology.ts";

const QUEUE = { batch_size: 1, batch_window_seconds: 0, visibility_timeout_seconds: 60, max_receives: 3 };

function file(change: (file: any) => void = () => undefined): unknown {
  const valid = {
    tables: { events: { purpose: "events", key: { pk: "S", sk: "N" }, stream: "NEW_IMAGE" } },
    bus: { name: "events", source: "muster" },
    projections: {
      board: {
        version: 1,
        consumes: ["task"],
        rule: { source: ["muster"], detail: { stream: { type: ["task"] } } },
        key: { pk: "S" },
        indexes: [{ name: "all", pk: { name: "a", type: "S" }, sk: { name: "b", type: "N" } }],
        queue: { ...QUEUE },
      },
    },
  };
  change(valid);
  return valid;
}

describe("the topology", () => {
  test("is read with its tables, indexes, rules and queues", () => {
    const { tables, projections, bus, reactors } = parseTopology(file());
    expect(bus).toBe("events");
    expect(tables.get("events")).toEqual({ pk: "S", sk: "N", indexes: [], stream: "NEW_IMAGE", ttl: undefined });
    expect(projections.get("board")).toEqual({
      table: {
        pk: "S",
        sk: undefined,
        indexes: [{ name: "all", pk: { name: "a", type: "S" }, sk: { name: "b", type: "N" } }],
        stream: undefined,
        ttl: undefined,
      },
      rule: { source: ["muster"], detailType: undefined, detail: { stream: { type: ["task"] } } },
      queue: QUEUE,
    });
    expect(reactors.size).toBe(0);
  });

  test("of the repository can be read", () => {
    expect([...loadTopology().projections.keys()]).toContain("task-list");
  });

  test.each([
    ["an unknown word in the file", (f: any) => (f.queues = {}), /unknown: queues/],
    ["an unknown word in a table", (f: any) => (f.tables.events.replicas = 2), /unknown: replicas/],
    ["an unknown word in a queue", (f: any) => (f.projections.board.queue.delay = 1), /unknown: delay/],
    ["an unknown word in a rule", (f: any) => (f.projections.board.rule.account = ["1"]), /unknown: account/],
    ["another kind of key", (f: any) => (f.tables.events.key.pk = "B"), /pk is not one of S, N/],
    ["another view of the stream", (f: any) => (f.tables.events.stream = "KEYS_ONLY"), /stream is not one of NEW_IMAGE/],
    ["a queue without its visibility", (f: any) => delete f.projections.board.queue.visibility_timeout_seconds, /is missing/],
    ["a rule for no source", (f: any) => (f.projections.board.rule.source = []), /source is not a list of texts/],
  ])("is refused with %s", (_, change, message) => {
    expect(() => parseTopology(file(change))).toThrow(message);
  });

  test("is refused when a table could be taken for a generation of a projection", () => {
    const ambiguous = file((f) => (f.tables["board-archive"] = { purpose: "old", key: { pk: "S" } }));
    expect(() => parseTopology(ambiguous)).toThrow(/board-archive looks like a generation of the projection board/);
  });
});
