//! The tables, which are there when a run begins.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use muster_handlers::topology::Topology;

use crate::backend::Backend;
use crate::dynamodb::Model;
use crate::port;
use crate::world::PREFIX;

/// A request as it came: its operation and its body.
type Sent = (String, Vec<u8>);

/// Makes them in an empty store. What the topology sends for that is the same each time, so it is asked once, and a run does not
/// begin with a hundred steps that no fault disturbs.
pub fn make(store: &mut dyn Backend) -> Result<(), String> {
    static REQUESTS: OnceLock<Result<Vec<Sent>, String>> = OnceLock::new();
    for (operation, body) in REQUESTS.get_or_init(requests).as_ref()? {
        let answer = store.execute(operation, body);
        if answer.status != 200 {
            return Err(format!("{operation}: {}", String::from_utf8_lossy(&answer.body)));
        }
    }
    Ok(())
}

fn requests() -> Result<Vec<Sent>, String> {
    let store = Arc::new(Mutex::new(Noted::default()));
    let client = port::dynamodb_over(Noting(Arc::clone(&store)));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
    let topology = Topology::load().map_err(|error| error.to_string())?;
    let made = runtime.map_err(|error| error.to_string())?.block_on(topology.create_tables(&client, PREFIX));
    made.map_err(|error| format!("{error:?}"))?;
    let noted = std::mem::take(&mut *store.lock().unwrap_or_else(PoisonError::into_inner));
    Ok(noted.sent)
}

/// A store, and what was asked of it.
#[derive(Debug, Default)]
struct Noted {
    store: Model,
    sent: Vec<Sent>,
}

/// The way to it.
#[derive(Clone, Debug)]
struct Noting(Arc<Mutex<Noted>>);

impl HttpConnector for Noting {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let operation = port::operation(&request).to_owned();
        let body = request.body().bytes().unwrap_or_default().to_vec();
        let mut noted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let answer = noted.store.execute(&operation, &body);
        noted.sent.push((operation, body));
        HttpConnectorFuture::ready(port::response(answer))
    }
}
