/** The counts in a table of DynamoDB: an item for each day, and for some weeks one for each event that was counted. */
import { DynamoDBClient, TransactionCanceledException, TransactWriteItemsCommand } from "@aws-sdk/client-dynamodb";

import type { Counts } from "./completions.ts";

/** Longer than the archive of the bus is replayed from, and than a message waits in a queue of dead letters. */
const REMEMBERED_SECONDS = 60 * 24 * 3600;

export class TableOfCounts implements Counts {
  constructor(
    private readonly client: Pick<DynamoDBClient, "send">,
    private readonly table: string,
    private readonly now: () => number = Date.now,
  ) {}

  async countOnce(eventId: string, day: string): Promise<boolean> {
    const forgotten = Math.floor(this.now() / 1000) + REMEMBERED_SECONDS;
    const command = new TransactWriteItemsCommand({
      TransactItems: [
        {
          Put: {
            TableName: this.table,
            Item: { pk: { S: `event#${eventId}` }, ttl: { N: String(forgotten) } },
            ConditionExpression: "attribute_not_exists(pk)",
          },
        },
        {
          Update: {
            TableName: this.table,
            Key: { pk: { S: `day#${day}` } },
            UpdateExpression: "ADD completed :one",
            ExpressionAttributeValues: { ":one": { N: "1" } },
          },
        },
      ],
    });
    try {
      await this.client.send(command);
      return true;
    } catch (error) {
      const counted = error instanceof TransactionCanceledException &&
        error.CancellationReasons?.[0]?.Code === "ConditionalCheckFailed";
      if (counted) return false;
      throw error;
    }
  }
}
