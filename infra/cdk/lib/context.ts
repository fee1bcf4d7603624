/** What every stack is built from. */
import type { Settings } from "./settings.ts";
import type { Topology } from "./topology.ts";
import type { Watched } from "./watched.ts";

export interface Muster {
  readonly settings: Settings;
  readonly topology: Topology;
  readonly watched: Watched;
}
