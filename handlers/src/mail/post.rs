//! How letters are sent: beside the requests that they follow from, a bounded time, and again while that may help.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};
use tokio_util::task::TaskTracker;
use tracing::Instrument as _;

use super::{Letter, Mailer, NotSent};

/// How many letters may wait at the same time: a mail server that is away must not fill the memory.
const MOST_WAITING: usize = 1_000;
/// How long to wait before each further try: four minutes in all, which is longer than a mail server takes to start anew.
const PAUSES: [Duration; 8] = [
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(4),
    Duration::from_secs(8),
    Duration::from_secs(16),
    Duration::from_secs(32),
    Duration::from_mins(1),
    Duration::from_mins(2),
];

/// Sends letters. Clones share what they do.
#[derive(Clone)]
pub struct Post {
    mailer: Option<Arc<dyn Mailer>>,
    way: Way,
    under_way: TaskTracker,
    room: Arc<Semaphore>,
}

/// What follows from a request and ends in a letter.
pub(crate) type Work = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Where the time comes from that sending takes.
#[derive(Clone, Copy, Debug)]
enum Way {
    /// From nobody's: this process lives on when the request is answered.
    Beside,
    /// From the request's, so much and not more: a Lambda stands still when it has answered.
    Within(Duration),
}

impl Post {
    /// Sends nothing.
    pub fn none() -> Self {
        Self::of(None, Way::Beside)
    }

    /// Sends in this process, beside the requests.
    pub fn beside(mailer: Arc<dyn Mailer>) -> Self {
        Self::of(Some(mailer), Way::Beside)
    }

    /// Sends before the answer, which waits for it so long and not longer.
    pub fn within(mailer: Arc<dyn Mailer>, time: Duration) -> Self {
        Self::of(Some(mailer), Way::Within(time))
    }

    fn of(mailer: Option<Arc<dyn Mailer>>, way: Way) -> Self {
        Self { mailer, way, under_way: TaskTracker::new(), room: Arc::new(Semaphore::new(MOST_WAITING)) }
    }

    /// Whether there is anybody to carry a letter.
    pub const fn is_there(&self) -> bool {
        self.mailer.is_some()
    }

    /// Sends letters of which the request's answer says nothing, at the same time. Without anybody to carry them, that is all.
    pub(crate) async fn send(&self, letters: impl IntoIterator<Item = Letter>) {
        let sent = letters.into_iter().map(|letter| {
            let (post, kind) = (self.clone(), letter.kind);
            let work = async move {
                post.deliver(&letter).await;
            };
            self.follow(kind, Box::pin(work))
        });
        join_all(sent).await;
    }

    /// Does what follows from a request and ends in a letter.
    pub(crate) async fn follow(&self, kind: &'static str, work: Work) {
        match self.way {
            Way::Beside => self.spawn(kind, work),
            Way::Within(time) => in_time(kind, time, work).await,
        }
    }

    /// Likewise, where not even the time of the answer may tell what there was to do: it is the same whatever that was.
    pub(crate) async fn follow_unseen(&self, kind: &'static str, work: Work) {
        match self.way {
            Way::Beside => self.spawn(kind, work),
            Way::Within(time) => {
                tokio::join!(in_time(kind, time, work), sleep(time));
            }
        }
    }

    fn spawn(&self, kind: &'static str, work: Work) {
        let Ok(place) = Arc::clone(&self.room).try_acquire_owned() else {
            tracing::error!(kind, "too many letters wait: this one is not sent");
            return;
        };
        let work = async move {
            work.await;
            drop(place);
        };
        self.under_way.spawn(work.in_current_span());
    }

    /// Sends a letter, again and again while that may help. Whether it was sent.
    pub(crate) async fn deliver(&self, letter: &Letter) -> bool {
        let Some(mailer) = &self.mailer else { return false };
        let mut pauses = PAUSES.into_iter();
        loop {
            // The address and the text are nobody's business here.
            let (kind, id) = (letter.kind, letter.id);
            match (mailer.send(letter).await, pauses.next()) {
                (Ok(()), _) => {
                    tracing::info!(kind, letter = %id, "sent");
                    return true;
                }
                (Err(NotSent { reason, again: true }), Some(pause)) => {
                    tracing::warn!(kind, letter = %id, reason, ?pause, "a letter was not sent; it is tried again");
                    sleep(pause).await;
                }
                (Err(NotSent { reason, .. }), _) => {
                    tracing::error!(kind, letter = %id, reason, "a letter was not sent");
                    return false;
                }
            }
        }
    }

    /// Waits so long for letters that are under way, and says of how many it does not know what became of them.
    pub async fn close(&self, patience: Duration) {
        self.under_way.close();
        if timeout(patience, self.under_way.wait()).await.is_err() {
            tracing::error!(letters = self.under_way.len(), "letters were not sent before the end");
        }
    }
}

impl fmt::Debug for Post {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Post").field("is_there", &self.is_there()).field("way", &self.way).finish_non_exhaustive()
    }
}

async fn in_time(kind: &'static str, time: Duration, work: Work) {
    if timeout(time, work).await.is_err() {
        tracing::error!(kind, "a letter was not sent in time");
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use async_trait::async_trait;
    use tokio::time::Instant;

    use super::*;
    use crate::mail::Links;

    /// Answers in this order, and takes everything afterwards.
    #[derive(Default)]
    struct Scripted {
        answers: Mutex<Vec<NotSent>>,
        tries: Mutex<Vec<uuid::Uuid>>,
        takes: Duration,
    }

    #[async_trait]
    impl Mailer for Scripted {
        async fn send(&self, letter: &Letter) -> Result<(), NotSent> {
            sleep(self.takes).await;
            self.tries.lock().unwrap().push(letter.id);
            self.answers.lock().unwrap().pop().map_or(Ok(()), Err)
        }
    }

    fn letter() -> Letter {
        Letter::password_reset("ada@example.com".parse().unwrap(), &Links::new("https://x.example"), "token")
    }

    fn scripted(answers: Vec<NotSent>) -> Arc<Scripted> {
        Arc::new(Scripted { answers: Mutex::new(answers), ..Scripted::default() })
    }

    #[tokio::test(start_paused = true)]
    async fn a_letter_that_was_not_sent_yet_is_sent_again_under_its_name() {
        let mailer = scripted(vec![NotSent::yet("busy"), NotSent::yet("away")]);
        let letter = letter();

        assert!(Post::beside(mailer.clone()).deliver(&letter).await);

        assert_eq!(*mailer.tries.lock().unwrap(), [letter.id; 3]);
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_refused_for_good_is_not_tried_again_and_nobody_tries_for_ever() {
        let mailer = scripted(vec![NotSent::ever("no such person")]);
        assert!(!Post::beside(mailer.clone()).deliver(&letter()).await);
        assert_eq!(mailer.tries.lock().unwrap().len(), 1);

        let mailer = scripted(vec![NotSent::yet("away"); 100]);
        assert!(!Post::beside(mailer.clone()).deliver(&letter()).await);
        assert_eq!(mailer.tries.lock().unwrap().len(), 1 + PAUSES.len());
    }

    #[tokio::test(start_paused = true)]
    async fn beside_a_request_nobody_waits_for_a_letter_and_the_end_does() {
        let mailer = Arc::new(Scripted { takes: Duration::from_secs(5), ..Scripted::default() });
        let (post, begun) = (Post::beside(mailer.clone()), Instant::now());

        post.send([letter()]).await;
        assert_eq!((begun.elapsed(), mailer.tries.lock().unwrap().len()), (Duration::ZERO, 0));

        post.close(Duration::from_secs(10)).await;
        assert_eq!((begun.elapsed(), mailer.tries.lock().unwrap().len()), (Duration::from_secs(5), 1));
    }

    #[tokio::test(start_paused = true)]
    async fn within_a_request_a_letter_is_waited_for_so_long_and_not_longer() {
        for (takes, waited, sent) in [(1, 1, 1), (100, 3, 0)] {
            let mailer = Arc::new(Scripted { takes: Duration::from_secs(takes), ..Scripted::default() });
            let begun = Instant::now();
            Post::within(mailer.clone(), Duration::from_secs(3)).send([letter()]).await;
            assert_eq!(begun.elapsed(), Duration::from_secs(waited));
            assert_eq!(mailer.tries.lock().unwrap().len(), sent);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn unseen_work_takes_the_same_time_whatever_there_was_to_do() {
        let post = Post::within(scripted(vec![]), Duration::from_secs(3));
        for takes in [0, 1, 100] {
            let begun = Instant::now();
            post.follow_unseen("password-reset", Box::pin(sleep(Duration::from_secs(takes)))).await;
            assert_eq!(begun.elapsed(), Duration::from_secs(3), "{takes}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn so_many_letters_wait_and_not_more() {
        let mailer = Arc::new(Scripted { takes: Duration::from_secs(5), ..Scripted::default() });
        let post = Post::beside(mailer.clone());

        for _ in 0..MOST_WAITING + 5 {
            post.send([letter()]).await;
        }
        post.close(Duration::from_secs(10)).await;

        assert_eq!(mailer.tries.lock().unwrap().len(), MOST_WAITING);
    }
}
