//! The write side: the DynamoDB event store, the command handler, idempotency.
