//! Processes that do one thing at a time and are used again, as Lambda's containers are.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::sleep;

use crate::instance::Instance;
use crate::world::World;

/// Does the work in a process. `None` when the process ends, or takes longer than the limit: nobody waits for it any more
/// then, and it is stopped, or stands still and wakes up later.
pub async fn invoke<T: Send + 'static>(
    world: &Arc<World>,
    instance: &Arc<Instance>,
    limit: Duration,
    work: impl Future<Output = T> + Send + 'static,
) -> Option<T> {
    let mut task = tokio::spawn(work);
    tokio::select! {
        biased;
        answer = &mut task => match answer {
            Ok(answer) => Some(answer),
            Err(error) => {
                let panic = error.try_into_panic().ok();
                let text = panic.as_ref().and_then(|panic| panic.downcast_ref::<String>().cloned());
                let text = text.or_else(|| Some((*panic.as_ref()?.downcast_ref::<&str>()?).to_owned()));
                world.inner().panics.push(format!("{}: {}", instance.name, text.unwrap_or_default()));
                instance.end();
                None
            }
        },
        () = instance.ending() => {
            world.step(("ended", instance.id), || format!("{} {} crashes", instance.name, instance.id));
            task.abort();
            None
        }
        () = sleep(limit) => {
            let wakes = world.inner().rng.bool();
            world.step(("timeout", instance.id, wakes), || {
                let then = if wakes { "goes on unseen" } else { "is stopped" };
                format!("{} {} takes too long and {then}", instance.name, instance.id)
            });
            if !wakes {
                instance.end();
                task.abort();
            }
            None
        }
    }
}

/// Makes what a container holds.
type Make<T> = Box<dyn Fn(&Arc<Instance>) -> T + Send + Sync>;

/// The containers of one function: those that wait for work.
pub struct Pool<T> {
    name: &'static str,
    mixed: bool,
    make: Make<T>,
    idle: Mutex<Vec<(Arc<Instance>, T)>>,
}

impl<T: Clone + Send> Pool<T> {
    /// A function whose containers hold what `make` makes of them. `mixed` lets some run a program of another version.
    pub fn new(name: &'static str, mixed: bool, make: impl Fn(&Arc<Instance>) -> T + Send + Sync + 'static) -> Self {
        Self { name, mixed, make: Box::new(make), idle: Mutex::default() }
    }

    /// Does the work in a container that waits, or in a new one.
    pub async fn invoke<R, W>(
        &self,
        world: &Arc<World>,
        limit: Duration,
        work: impl FnOnce(Arc<Instance>, T) -> W,
    ) -> Option<R>
    where
        R: Send + 'static,
        W: Future<Output = R> + Send + 'static,
    {
        let waiting = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let (instance, part) = waiting.unwrap_or_else(|| {
            let instance = world.start_instance(self.name, self.mixed && world.is_mixed());
            let part = (self.make)(&instance);
            (instance, part)
        });
        let answer = invoke(world, &instance, limit, work(Arc::clone(&instance), part.clone())).await;
        if answer.is_some() && !instance.has_ended() {
            self.idle.lock().unwrap_or_else(PoisonError::into_inner).push((instance, part));
        }
        answer
    }

    /// Lets go of all containers that wait: the next one is new, and of the program's own version from now on.
    pub fn renew(&self) {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}
