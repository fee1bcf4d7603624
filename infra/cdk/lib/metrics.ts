/** The metrics that are looked at: those of AWS, and those that Muster's functions write into their logs (EMF, namespace `Muster`). */
import { Duration } from "aws-cdk-lib";
import { Metric } from "aws-cdk-lib/aws-cloudwatch";

const PERIOD = Duration.minutes(1);

function metric(namespace: string, metricName: string, statistic: string, dimensionsMap: Record<string, string>): Metric {
  return new Metric({ namespace, metricName, statistic, dimensionsMap, period: PERIOD });
}

export const apiMetric = (apiId: string, name: "5xx" | "4xx" | "Count" | "Latency", statistic: string): Metric =>
  metric("AWS/ApiGateway", name, statistic, { ApiId: apiId });

export const functionMetric = (
  name: string,
  what: "Errors" | "Throttles" | "Invocations" | "Duration" | "IteratorAge",
  statistic: string,
): Metric => metric("AWS/Lambda", what, statistic, { FunctionName: name });

export const queueMetric = (
  name: string,
  what: "ApproximateAgeOfOldestMessage" | "ApproximateNumberOfMessagesVisible",
): Metric => metric("AWS/SQS", what, "Maximum", { QueueName: name });

/** Of a rule on a bus of one's own, metrics have both dimensions. */
export const ruleMetric = (bus: string, rule: string, what: "FailedInvocations" | "TriggeredRules"): Metric =>
  metric("AWS/Events", what, "Sum", { EventBusName: bus, RuleName: rule });

/** Throttled requests to a table, or to one of its indexes, which count apart. */
export const throttles = (table: string, index: string | undefined, what: "ReadThrottleEvents" | "WriteThrottleEvents"): Metric =>
  metric("AWS/DynamoDB", what, "Sum", { TableName: table, ...(index !== undefined && { GlobalSecondaryIndexName: index }) });

export const musterMetric = (
  stage: string,
  name: "EventsPublished" | "EventsRefused" | "EventTableChanged" | "DigestsTaken" | "HistoriesContradicted",
): Metric => metric("Muster", name, "Sum", { stage });

export const projectionMetric = (
  stage: string,
  projection: string,
  name: "ProjectionLag" | "ProjectionBehind" | "EventsParked",
  statistic: string,
): Metric => metric("Muster", name, statistic, { stage, projection });
