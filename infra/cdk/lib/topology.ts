/**
 * `schemas/topology.json`, read strictly: what this program does not know it refuses, so that nothing in that file is silently left out of
 * the stacks. The Rust side reads the same file (`handlers/src/topology/`).
 */
import { readFileSync } from "node:fs";

export type AttributeKind = "S" | "N";

export interface KeyAttribute {
  readonly name: string;
  readonly type: AttributeKind;
}

export interface IndexShape {
  readonly name: string;
  readonly pk: KeyAttribute;
  readonly sk: KeyAttribute;
  /** The attributes that it holds besides keys; all, if this is undefined. */
  readonly holds: readonly string[] | undefined;
}

export interface TableShape {
  readonly pk: AttributeKind;
  readonly sk: AttributeKind | undefined;
  readonly indexes: readonly IndexShape[];
  readonly stream: "NEW_IMAGE" | undefined;
  /** The attribute that says when an item may be removed. */
  readonly ttl: string | undefined;
}

export interface QueueShape {
  readonly batch_size: number;
  readonly batch_window_seconds: number;
  readonly visibility_timeout_seconds: number;
  readonly max_receives: number;
}

/** An event pattern, as EventBridge takes it. */
export interface Pattern {
  readonly source: readonly string[];
  readonly detailType: readonly string[] | undefined;
  readonly detail: Readonly<Record<string, unknown>> | undefined;
}

/** What is behind a rule and a queue. */
export interface Subscriber {
  readonly rule: Pattern;
  readonly queue: QueueShape;
}

export interface Projection extends Subscriber {
  readonly table: TableShape;
}

export interface Topology {
  readonly tables: ReadonlyMap<string, TableShape>;
  readonly bus: string;
  readonly projections: ReadonlyMap<string, Projection>;
  readonly reactors: ReadonlyMap<string, Subscriber>;
}

/** The file that the repository has. */
export function loadTopology(): Topology {
  return parseTopology(JSON.parse(readFileSync(new URL("../../../schemas/topology.json", import.meta.url), "utf8")));
}

export function parseTopology(json: unknown): Topology {
  const file = new Reader("topology.json", json);
  const bus = file.object("bus");
  const topology: Topology = {
    tables: file.map("tables", table),
    bus: bus.text("name"),
    projections: file.map("projections", projection),
    reactors: file.has("reactors") ? file.map("reactors", reactor) : new Map<string, Subscriber>(),
  };
  bus.text("source");
  bus.done();
  file.done();
  generationsAreTheirOwn(topology);
  return topology;
}

/** Roles cover every generation as `<projection>-*`; no other table may be meant by that. */
function generationsAreTheirOwn({ tables, projections }: Topology): void {
  for (const projection of projections.keys()) {
    const other = [...tables.keys(), ...projections.keys()].find((name) => name.startsWith(`${projection}-`));
    if (other !== undefined) {
      throw new Error(`topology.json: the table ${other} looks like a generation of the projection ${projection}`);
    }
  }
}

function table(read: Reader): TableShape {
  read.text("purpose");
  const shape = keysAndIndexes(read);
  const stream = read.has("stream") ? read.oneOf("stream", ["NEW_IMAGE"] as const) : undefined;
  const ttl = read.has("ttl") ? read.text("ttl") : undefined;
  return { ...shape, stream, ttl };
}

function projection(read: Reader): Projection {
  read.number("version");
  read.texts("consumes");
  return { table: { ...keysAndIndexes(read), stream: undefined, ttl: undefined }, ...subscriber(read) };
}

function reactor(read: Reader): Subscriber {
  read.text("purpose");
  return subscriber(read);
}

function subscriber(read: Reader): Subscriber {
  const rule = read.object("rule");
  const queue = read.object("queue");
  const result: Subscriber = {
    rule: {
      source: rule.texts("source"),
      detailType: rule.has("detail-type") ? rule.texts("detail-type") : undefined,
      detail: rule.has("detail") ? rule.anything("detail") : undefined,
    },
    queue: {
      batch_size: queue.number("batch_size"),
      batch_window_seconds: queue.number("batch_window_seconds"),
      visibility_timeout_seconds: queue.number("visibility_timeout_seconds"),
      max_receives: queue.number("max_receives"),
    },
  };
  rule.done();
  queue.done();
  return result;
}

function keysAndIndexes(read: Reader): Pick<TableShape, "pk" | "sk" | "indexes"> {
  const key = read.object("key");
  const pk = key.oneOf("pk", KINDS);
  const sk = key.has("sk") ? key.oneOf("sk", KINDS) : undefined;
  key.done();
  return { pk, sk, indexes: read.has("indexes") ? read.list("indexes", index) : [] };
}

function index(read: Reader): IndexShape {
  return {
    name: read.text("name"),
    pk: keyAttribute(read.object("pk")),
    sk: keyAttribute(read.object("sk")),
    holds: read.has("holds") ? read.texts("holds") : undefined,
  };
}

function keyAttribute(read: Reader): KeyAttribute {
  const attribute = { name: read.text("name"), type: read.oneOf("type", KINDS) };
  read.done();
  return attribute;
}

const KINDS = ["S", "N"] as const;

/** An object of which every member is to be read once. */
class Reader {
  private readonly members: Readonly<Record<string, unknown>>;
  private readonly unread: Set<string>;

  constructor(private readonly where: string, json: unknown) {
    if (typeof json !== "object" || json === null || Array.isArray(json)) throw new Error(`${where}: not an object`);
    this.members = json as Record<string, unknown>;
    this.unread = new Set(Object.keys(json));
  }

  has(name: string): boolean {
    return name in this.members;
  }

  text(name: string): string {
    const value = this.take(name);
    if (typeof value !== "string" || value === "") throw this.wrong(name, "a text");
    return value;
  }

  number(name: string): number {
    const value = this.take(name);
    if (typeof value !== "number" || !Number.isInteger(value) || value < 0) throw this.wrong(name, "a whole number");
    return value;
  }

  texts(name: string): string[] {
    const value = this.take(name);
    if (!Array.isArray(value) || value.length === 0 || !value.every((text) => typeof text === "string")) {
      throw this.wrong(name, "a list of texts");
    }
    return value;
  }

  oneOf<T extends string>(name: string, allowed: readonly T[]): T {
    const value = this.take(name);
    const found = allowed.find((known) => known === value);
    if (found === undefined) throw this.wrong(name, `one of ${allowed.join(", ")}`);
    return found;
  }

  object(name: string): Reader {
    return new Reader(`${this.where}: ${name}`, this.take(name));
  }

  anything(name: string): Record<string, unknown> {
    return { ...new Reader(`${this.where}: ${name}`, this.take(name)).members };
  }

  list<T>(name: string, read: (reader: Reader) => T): T[] {
    const value = this.take(name);
    if (!Array.isArray(value)) throw this.wrong(name, "a list");
    return value.map((json: unknown, at) => this.whole(`${name}[${String(at)}]`, json, read));
  }

  map<T>(name: string, read: (reader: Reader) => T): Map<string, T> {
    const members = this.object(name).members;
    return new Map(Object.entries(members).map(([key, json]) => [key, this.whole(`${name}.${key}`, json, read)]));
  }

  /** That nothing was left unread. */
  done(): void {
    if (this.unread.size > 0) throw new Error(`${this.where}: unknown: ${[...this.unread].join(", ")}`);
  }

  private whole<T>(name: string, json: unknown, read: (reader: Reader) => T): T {
    const reader = new Reader(`${this.where}: ${name}`, json);
    const value = read(reader);
    reader.done();
    return value;
  }

  private take(name: string): unknown {
    this.unread.delete(name);
    if (!this.has(name)) throw new Error(`${this.where}: ${name} is missing`);
    return this.members[name];
  }

  private wrong(name: string, expected: string): Error {
    return new Error(`${this.where}: ${name} is not ${expected}`);
  }
}
