/** The Lambda: takes a batch of the queue, and says which of its messages are to come again. */
import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import type { SQSBatchResponse, SQSEvent } from "aws-lambda";

import { type Counts, take } from "./completions.ts";
import { TableOfCounts } from "./table.ts";

/** Each message by itself: one that fails does not keep the others back. */
export async function takeBatch(batch: SQSEvent, counts: Counts): Promise<SQSBatchResponse> {
  const failed: SQSBatchResponse["batchItemFailures"] = [];
  for (const { messageId, body } of batch.Records) {
    try {
      await take(body, counts);
    } catch (error) {
      // Never the body: what is in it is Muster's, and not for the log.
      console.error({ messageId, error: error instanceof Error ? error.message : String(error) });
      failed.push({ itemIdentifier: messageId });
    }
  }
  return { batchItemFailures: failed };
}

let counts: Counts | undefined;

export const handler = async (batch: SQSEvent): Promise<SQSBatchResponse> => {
  const table = process.env["TABLE"];
  if (table === undefined) throw new Error("TABLE is to name the table of the counts");
  counts ??= new TableOfCounts(new DynamoDBClient({}), table);
  return takeBatch(batch, counts);
};
