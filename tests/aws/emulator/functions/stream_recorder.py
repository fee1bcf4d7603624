"""Writes down each batch of stream records it gets. Fails on the item that POISON names, as FAILURE says.

FAILURE=throw raises and handles nothing of the batch. FAILURE=report handles the records in front of the
poison and reports the poison. FAILS limits how often it fails; without it, it always does.
"""

import json
import os

failures = 0


def handle(event):
    global failures
    records = event["Records"]
    names = [record["dynamodb"]["NewImage"]["name"]["S"] for record in records]
    poison = os.environ.get("POISON")
    if poison not in names or failures >= int(os.environ.get("FAILS", "1000")):
        write(names, names)
        return {"batchItemFailures": []}
    failures += 1
    at = names.index(poison)
    if os.environ["FAILURE"] == "throw":
        write(names, [])
        raise ValueError(f"cannot handle {poison}")
    write(names, names[:at])
    return {"batchItemFailures": [{"itemIdentifier": records[at]["dynamodb"]["SequenceNumber"]}]}


def write(received, handled):
    with open(os.environ["RECORD_FILE"], "a") as file:
        file.write(json.dumps({"received": received, "handled": handled}) + "\n")
