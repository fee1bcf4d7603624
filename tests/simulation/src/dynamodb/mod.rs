//! A model of DynamoDB in memory.
