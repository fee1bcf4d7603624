//! A DynamoDB engine in this process, reached through the ordinary AWS SDK.
