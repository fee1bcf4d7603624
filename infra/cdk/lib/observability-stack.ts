/** The dashboard, and every alarm, to one topic. */
import { CfnOutput, Duration, Stack } from "aws-cdk-lib";
import * as cloudwatch from "aws-cdk-lib/aws-cloudwatch";
import { SnsAction } from "aws-cdk-lib/aws-cloudwatch-actions";
import type * as sns from "aws-cdk-lib/aws-sns";
import { EmailSubscription } from "aws-cdk-lib/aws-sns-subscriptions";
import type { Construct } from "constructs";

import { type AlarmKindName, description } from "./alarms.ts";
import type { Muster } from "./context.ts";
import { DeadLetters } from "./dead-letters.ts";
import { EncryptedTopic } from "./encrypted-topic.ts";
import { apiMetric, functionMetric, musterMetric, projectionMetric, queueMetric, ruleMetric, throttles } from "./metrics.ts";

interface Limit {
  readonly threshold: number;
  /** How many minutes of the last ones must be over it. One if it is not said. */
  readonly minutes?: number;
  readonly of?: number;
  /** The value itself is too much already. */
  readonly inclusive?: boolean;
}

/** For how many hours in a row no digest is taken before somebody is told. */
const HOURS_WITHOUT_DIGEST = 2;

/** One is one too many. */
const ANY: Limit = { threshold: 1, inclusive: true };

export class ObservabilityStack extends Stack {
  private readonly topic: sns.Topic;

  constructor(scope: Construct, private readonly muster: Muster, private readonly apiId: string) {
    const { settings } = muster;
    super(scope, settings.names.of("observability"), { description: "Muster: dashboard and alarms" });
    this.topic = this.alarmTopic();
    this.apiAlarms();
    this.functionAlarms();
    this.queueAlarms();
    this.tableAlarms();
    this.busAlarms();
    this.projectionAlarms();
    this.digestAlarms();
    this.dashboard();
    new CfnOutput(this, "AlarmsTopicArn", { value: this.topic.topicArn });
  }

  private alarmTopic(): sns.Topic {
    const { settings } = this.muster;
    const { topic } = new EncryptedTopic(this, "Alarms", {
      settings,
      name: "alarms",
      displayName: `Muster ${settings.stage}`,
      publishers: ["cloudwatch.amazonaws.com"],
    });
    if (settings.alarmEmail !== undefined) {
      const deadLetterQueue = new DeadLetters(this, "Undelivered", this.muster, "alarms-undelivered");
      topic.addSubscription(new EmailSubscription(settings.alarmEmail, { deadLetterQueue }));
    }
    return topic;
  }

  private alarm(kind: AlarmKindName, subject: string | undefined, metric: cloudwatch.IMetric, limit: Limit): void {
    const name = subject === undefined ? kind : `${kind}-${subject}`;
    const minutes = limit.minutes ?? 1;
    const alarm = new cloudwatch.Alarm(this, name, {
      alarmName: this.muster.settings.names.of(name),
      alarmDescription: description(kind),
      metric,
      threshold: limit.threshold,
      comparisonOperator: limit.inclusive
        ? cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD
        : cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD,
      evaluationPeriods: limit.of ?? minutes,
      datapointsToAlarm: minutes,
      // Nothing reported is nothing wrong: most of these metrics are silent while all is well.
      treatMissingData: cloudwatch.TreatMissingData.NOT_BREACHING,
    });
    const action = new SnsAction(this.topic);
    alarm.addAlarmAction(action);
    alarm.addOkAction(action);
  }

  /** A resource's name without what every name of the stage begins with. */
  private short(name: string): string {
    return name.slice(this.muster.settings.names.prefix.length);
  }

  private apiAlarms(): void {
    this.alarm("api-errors", undefined, apiMetric(this.apiId, "5xx", "Sum"), ANY);
    const latency = { threshold: Duration.seconds(2).toMilliseconds(), minutes: 3, of: 5 };
    this.alarm("api-latency", undefined, apiMetric(this.apiId, "Latency", "p99"), latency);
  }

  private functionAlarms(): void {
    for (const name of this.muster.watched.functions) {
      this.alarm("function-errors", this.short(name), functionMetric(name, "Errors", "Sum"), ANY);
      this.alarm("function-throttles", this.short(name), functionMetric(name, "Throttles", "Sum"), ANY);
    }
    for (const reader of ["publisher", "guard"]) {
      const age = functionMetric(this.muster.settings.names.of(reader), "IteratorAge", "Maximum");
      this.alarm("stream-behind", reader, age, { threshold: Duration.minutes(1).toMilliseconds(), minutes: 2 });
    }
  }

  private queueAlarms(): void {
    const { queues, deadLetters } = this.muster.watched;
    for (const name of queues) {
      const age = queueMetric(name, "ApproximateAgeOfOldestMessage");
      this.alarm("queue-behind", this.short(name), age, { threshold: Duration.minutes(5).toSeconds() });
    }
    for (const name of deadLetters) {
      this.alarm("dead-letters", this.short(name), queueMetric(name, "ApproximateNumberOfMessagesVisible"), ANY);
    }
  }

  private tableAlarms(): void {
    for (const { name, indexes } of this.muster.watched.tables) {
      for (const index of [undefined, ...indexes]) {
        const subject = [this.short(name), ...(index === undefined ? [] : [index])].join("-");
        this.alarm("table-throttles", `${subject}-reads`, throttles(name, index, "ReadThrottleEvents"), ANY);
        this.alarm("table-throttles", `${subject}-writes`, throttles(name, index, "WriteThrottleEvents"), ANY);
      }
    }
    this.alarm("event-table-changed", undefined, musterMetric(this.muster.settings.stage, "EventTableChanged"), ANY);
  }

  private busAlarms(): void {
    const { settings, topology, watched } = this.muster;
    this.alarm("events-refused", undefined, musterMetric(settings.stage, "EventsRefused"), ANY);
    const bus = settings.names.of(topology.bus);
    for (const rule of watched.rules) {
      this.alarm("rule-failures", this.short(rule), ruleMetric(bus, rule, "FailedInvocations"), ANY);
    }
  }

  private projectionAlarms(): void {
    const { settings, watched } = this.muster;
    for (const projection of watched.projections) {
      const metric = (name: Parameters<typeof projectionMetric>[2], statistic: string): cloudwatch.Metric =>
        projectionMetric(settings.stage, projection, name, statistic);
      const lag = { threshold: Duration.seconds(30).toMilliseconds(), minutes: 3, of: 5 };
      this.alarm("projection-lag", projection, metric("ProjectionLag", "p99"), lag);
      this.alarm("projection-behind", projection, metric("ProjectionBehind", "Sum"), ANY);
      this.alarm("events-parked", projection, metric("EventsParked", "Sum"), ANY);
    }
  }

  private digestAlarms(): void {
    const { stage, names } = this.muster.settings;
    this.alarm("history-contradicted", undefined, musterMetric(stage, "HistoriesContradicted"), ANY);
    const missing = new cloudwatch.Alarm(this, "digest-missing", {
      alarmName: names.of("digest-missing"),
      alarmDescription: description("digest-missing"),
      metric: musterMetric(stage, "DigestsTaken").with({ period: Duration.hours(1) }),
      threshold: 1,
      comparisonOperator: cloudwatch.ComparisonOperator.LESS_THAN_THRESHOLD,
      evaluationPeriods: HOURS_WITHOUT_DIGEST,
      // Here nothing reported is what is wrong.
      treatMissingData: cloudwatch.TreatMissingData.BREACHING,
    });
    const action = new SnsAction(this.topic);
    missing.addAlarmAction(action);
    missing.addOkAction(action);
  }

  private dashboard(): void {
    const { settings, watched } = this.muster;
    const graph = (title: string, left: cloudwatch.IMetric[], right: cloudwatch.IMetric[] = []): cloudwatch.GraphWidget =>
      new cloudwatch.GraphWidget({ title, left, right, width: 12 });
    new cloudwatch.Dashboard(this, "Dashboard", { dashboardName: settings.names.of("overview") }).addWidgets(
      graph("Requests, and those that failed", [apiMetric(this.apiId, "Count", "Sum")], [
        apiMetric(this.apiId, "4xx", "Sum"),
        apiMetric(this.apiId, "5xx", "Sum"),
      ]),
      graph("Latency of the API", ["p50", "p99"].map((statistic) => apiMetric(this.apiId, "Latency", statistic))),
      graph("Events published, refused, and changed", [
        musterMetric(settings.stage, "EventsPublished"),
        musterMetric(settings.stage, "EventsRefused"),
        musterMetric(settings.stage, "EventTableChanged"),
      ]),
      graph("Age of the stream", ["publisher", "guard"].map((name) =>
        functionMetric(settings.names.of(name), "IteratorAge", "Maximum"))),
      graph("Lag of the projections (p99)", watched.projections.map((name) =>
        projectionMetric(settings.stage, name, "ProjectionLag", "p99"))),
      graph("Rows behind, and events parked", watched.projections.map((name) =>
        projectionMetric(settings.stage, name, "ProjectionBehind", "Sum")), watched.projections.map((name) =>
        projectionMetric(settings.stage, name, "EventsParked", "Sum"))),
      graph("Oldest message in each queue", watched.queues.map((name) =>
        queueMetric(name, "ApproximateAgeOfOldestMessage"))),
      graph("Dead letters", watched.deadLetters.map((name) => queueMetric(name, "ApproximateNumberOfMessagesVisible"))),
      graph("Errors of the functions", watched.functions.map((name) => functionMetric(name, "Errors", "Sum"))),
      graph("Duration of the functions (p99)", watched.functions.map((name) => functionMetric(name, "Duration", "p99"))),
      graph("Throttled reads and writes", watched.tables.flatMap(({ name }) => [
        throttles(name, undefined, "ReadThrottleEvents"),
        throttles(name, undefined, "WriteThrottleEvents"),
      ])),
    );
  }
}
