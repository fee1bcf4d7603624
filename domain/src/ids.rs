//! Ids: UUIDs that know what they name.

use crate::macros::id;

id!(
    /// A task.
    TaskId
);
id!(
    /// A person with an account.
    UserId
);
id!(
    /// A team of users.
    TeamId
);
id!(
    /// A series of tasks, of which each comes after the one before: the id of its first one.
    SeriesId
);
id!(
    /// A comment on a task.
    CommentId
);
id!(
    /// One import of tasks from a file.
    ImportId
);
id!(
    /// An item of a task's checklist.
    ChecklistItemId
);
