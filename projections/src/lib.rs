//! The read side: the projector, and one module per read model with the queries that read it.
