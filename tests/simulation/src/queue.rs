//! A queue as SQS has it: nothing in it is ordered, everything may come twice, and what fails too often is put aside.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;

/// One message.
#[derive(Clone, Debug)]
pub struct Message {
    /// The queue's number for it.
    pub id: u64,
    /// The event as EventBridge wraps it, in JSON.
    pub body: Arc<str>,
    /// From when on it can be received.
    pub visible: Duration,
    /// How often it was received.
    pub receives: u32,
}

/// A queue and its dead-letter queue.
#[derive(Debug, Default)]
pub struct Queue {
    messages: BTreeMap<u64, Message>,
    dead: Vec<Message>,
    next: u64,
    sent: Arc<Notify>,
}

impl Queue {
    /// Puts a message in, to be received from this time on.
    pub fn send(&mut self, body: Arc<str>, visible: Duration) {
        let id = self.next;
        self.next += 1;
        self.messages.insert(id, Message { id, body, visible, receives: 0 });
        self.sent.notify_waiters();
    }

    /// Wakes whoever waits for messages.
    pub fn sent(&self) -> Arc<Notify> {
        Arc::clone(&self.sent)
    }

    /// When the next message can be received, if there is one.
    pub fn next_visible(&self) -> Option<Duration> {
        self.messages.values().map(|message| message.visible).min()
    }

    /// Puts a message into the dead-letter queue at once.
    pub fn bury(&mut self, body: Arc<str>) {
        let id = self.next;
        self.next += 1;
        self.dead.push(Message { id, body, visible: Duration::ZERO, receives: 0 });
    }

    /// Up to `most` messages, which nobody else receives for `hidden`. One that was received `max_receives` times already
    /// is dead.
    pub fn receive(
        &mut self,
        rng: &mut fastrand::Rng,
        now: Duration,
        most: usize,
        hidden: Duration,
        max_receives: u32,
    ) -> Vec<Message> {
        let mut due: Vec<u64> =
            self.messages.values().filter(|message| message.visible <= now).map(|message| message.id).collect();
        rng.shuffle(&mut due);
        let mut received = Vec::new();
        for id in due {
            if received.len() == most {
                break;
            }
            let Some(message) = self.messages.get_mut(&id) else { continue };
            if message.receives >= max_receives {
                self.dead.extend(self.messages.remove(&id));
            } else {
                message.receives += 1;
                message.visible = now + hidden;
                received.push(message.clone());
            }
        }
        received
    }

    /// The message is done with.
    pub fn delete(&mut self, id: u64) {
        self.messages.remove(&id);
    }

    /// The message can be received again from this time on.
    pub fn release(&mut self, id: u64, visible: Duration) {
        if let Some(message) = self.messages.get_mut(&id) {
            message.visible = visible;
            self.sent.notify_waiters();
        }
    }

    /// Takes everything out of the dead-letter queue.
    pub fn take_dead(&mut self) -> Vec<Message> {
        std::mem::take(&mut self.dead)
    }

    /// How many messages are in it, received or not.
    pub fn len(&self) -> usize {
        self.messages.len()
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    /// How many messages are dead.
    pub fn dead(&self) -> usize {
        self.dead.len()
    }
}
