/** What SES asks for of whoever sends a letter: who it is from, and by which settings. */
import type { Stack } from "aws-cdk-lib";

import type { Settings } from "./settings.ts";

/** The resources of `ses:SendEmail`, for letters from the installation's address. */
export function mailResources(stack: Stack, { mailFrom, names }: Settings): string[] {
  return [
    stack.formatArn({ service: "ses", resource: "identity", resourceName: mailFrom }),
    stack.formatArn({ service: "ses", resource: "configuration-set", resourceName: names.of("mail") }),
  ];
}
