//! Every entry point of Muster: HTTP routes, the stream publisher, the projector. The Lambdas in `src/bin` are thin over
//! these functions, and the local program runs the same ones.

pub mod clock;
pub mod eventbridge;
pub mod http;
pub mod lambda;
pub mod publisher;
pub mod topology;
pub mod wiring;
