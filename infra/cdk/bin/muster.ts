import { fileURLToPath } from "node:url";

import { App } from "aws-cdk-lib";

import { build } from "../lib/muster.ts";
import { readSettings } from "../lib/settings.ts";
import { loadTopology } from "../lib/topology.ts";

const app = new App();
const lambdaDir = fileURLToPath(new URL("../../../target/lambda", import.meta.url));
build(app, readSettings(app.node, { lambdaDir }), loadTopology());
