/**
 * What the alarms look after. Every construct that makes a function, queue or rule enters it here by its name, so that none is made without
 * its alarms; the stack of the alarms comes last and reads it.
 */
export interface WatchedTable {
  readonly name: string;
  readonly indexes: readonly string[];
}

export class Watched {
  readonly functions: string[] = [];
  /** Queues that a function reads. */
  readonly queues: string[] = [];
  /** Queues that ought to be empty. */
  readonly deadLetters: string[] = [];
  /** Rules on Muster's bus. */
  readonly rules: string[] = [];
  readonly projections: string[] = [];
  readonly tables: WatchedTable[] = [];
}
