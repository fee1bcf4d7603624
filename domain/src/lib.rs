//! Aggregates, events, commands and value types: the rules of Muster, without I/O.
