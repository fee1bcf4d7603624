//! Every entry point: HTTP routes, stream publisher, projector.
