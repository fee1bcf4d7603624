/** The app: every stack of one stage, in the order in which they need each other. */
import { type App, Aspects, Tags } from "aws-cdk-lib";
import { AwsSolutionsChecks, ServerlessChecks } from "cdk-nag";

import { ApiStack } from "./api-stack.ts";
import { BusStack } from "./bus-stack.ts";
import { DataStack } from "./data-stack.ts";
import { ExampleSubscriberStack } from "./example-subscriber-stack.ts";
import { ObservabilityStack } from "./observability-stack.ts";
import { PipelineStack } from "./pipeline-stack.ts";
import { ReactorsStack } from "./reactors-stack.ts";
import { ScheduleStack } from "./schedule-stack.ts";
import type { Settings } from "./settings.ts";
import type { Topology } from "./topology.ts";
import { Watched } from "./watched.ts";
import { WebStack } from "./web-stack.ts";

export function build(app: App, settings: Settings, topology: Topology): void {
  const muster = { settings, topology, watched: new Watched() };
  const data = new DataStack(app, muster);
  const bus = new BusStack(app, muster, data);
  const api = new ApiStack(app, muster, data);
  const schedule = new ScheduleStack(app, muster, data.personalKey, data.digestKey);
  schedule.addStackDependency(data);
  if (topology.reactors.size > 0) new ReactorsStack(app, muster, data.personalKey).addStackDependency(bus);
  if (settings.exampleSubscriber) new ExampleSubscriberStack(app, muster).addStackDependency(bus);
  new WebStack(app, settings, api.api.apiId);
  if (settings.branch !== undefined) new PipelineStack(app, muster, settings.branch);
  // Last: by now everything that is to be watched has been entered.
  new ObservabilityStack(app, muster, api.api.apiId);

  Tags.of(app).add("application", "muster");
  Tags.of(app).add("stage", settings.stage);
  Aspects.of(app).add(new AwsSolutionsChecks({ verbose: true }));
  Aspects.of(app).add(new ServerlessChecks({ verbose: true }));
}
