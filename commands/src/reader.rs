//! The event store as the reader that both sides share.

use async_trait::async_trait;
use muster_domain::ports::{CommitPage, EventReader, ReadError, ScanCursor};
use muster_domain::{Commit, StreamId, SubjectKeys};

use crate::log::{CommitLog, PageQuery};
use crate::store::EventStore;

#[async_trait]
impl<L: CommitLog> EventReader for EventStore<L> {
    async fn commits(&self, stream: &StreamId, after: u64, up_to: Option<u64>) -> Result<Vec<Commit>, ReadError> {
        let lowest = after.saturating_add(1);
        let highest = up_to.unwrap_or(u64::MAX);
        let wanted = PageQuery { lowest, highest, ..PageQuery::forward(*stream) };
        if wanted.is_empty() {
            return Ok(Vec::new());
        }
        let mut commits = Vec::new();
        let mut query = Some(wanted);
        while let Some(next) = query {
            let page = self.log.page(&next).await?;
            commits.extend(page.commits.into_iter().map(|stored| stored.commit));
            query = page.next;
        }
        // The event after `after` may lie within a commit that begins at `after` or before it.
        if after > 0 && commits.first().is_none_or(|first| first.version != lowest) {
            let before = self.log.page(&PageQuery::backward(*stream, after).limit(1)).await?.commits.pop();
            commits.splice(0..0, before.map(|stored| stored.commit).filter(|commit| commit.last_version() > after));
        }
        Ok(commits)
    }

    async fn head(&self, stream: &StreamId) -> Result<u64, ReadError> {
        let newest = self.log.page(&PageQuery::backward(*stream, u64::MAX).limit(1)).await?.commits.pop();
        Ok(newest.map_or(0, |stored| stored.commit.last_version()))
    }

    fn keys(&self) -> &dyn SubjectKeys {
        &*self.keys
    }

    async fn scan(&self, segment: u32, segments: u32, cursor: Option<ScanCursor>) -> Result<CommitPage, ReadError> {
        self.log.scan_page(segment, segments, cursor.as_ref()).await
    }
}
