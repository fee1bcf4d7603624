/**
 * The events that Muster sends: made from the JSON Schemas in `schemas/events` by `cargo xtask schemas`.
 *
 * `MusterEvent` is the `detail` of a message on EventBridge (`MusterEventBridgeEvent`). It is a union that `type` and `schema` tell
 * apart: in `if (event.type === "TaskAssigned")`, `event.data` is what such an event says. There will be more types and schemas: pass
 * over what you do not know. What says who a person is comes sealed. `MusterWebhookTest` comes to webhooks alone, when one is tried.
 */

/**
 * Who did it.
 */
export type Actor =
  | {
      /**
       * Their id.
       */
      id: UserId;
      type: "user";
    }
  | {
      /**
       * Which part.
       */
      name: string;
      type: "system";
    };

/**
 * A person with an account.
 */
export type UserId = string;

/**
 * The kinds of aggregate that have histories.
 *
 * - `task`: A piece of work.
 * - `user`: A person with an account.
 * - `team`: A group of users.
 */
export type AggregateType = "task" | "user" | "team";

/**
 * The id of one command. A command takes effect at most once, however often it is sent.
 */
export type CommandId = string;

/**
 * An item of a task's checklist.
 */
export type ChecklistItemId = string;

export type ChecklistText = string;

/**
 * A comment on a task.
 */
export type CommentId = string;

export type CommentText = string;

export type Description = string;

export type Label = string;

/**
 * @maxItems 20
 */
export type Labels = Label[];

export type Name = string;

/**
 * How much hurry there is.
 *
 * - `low`: When there is time.
 * - `medium`: The ordinary.
 * - `high`: Before the ordinary.
 * - `critical`: Before everything.
 */
export type Priority = "low" | "medium" | "high" | "critical";

/**
 * A team of users.
 */
export type TeamId = string;

export type Title = string;

export type Reason = string;

export type ExternalId = string;

/**
 * One import of tasks from a file.
 */
export type ImportId = string;

/**
 * Where imported tasks come from.
 *
 * - `csv`: A table of values separated by commas, semicolons or tabs.
 * - `trello`: A board that Trello exported.
 * - `todoist`: A project that Todoist exported.
 */
export type ImportSource = "csv" | "trello" | "todoist";

/**
 * How far a task has come.
 *
 * - `todo`: Nobody works on it yet.
 * - `in_progress`: Somebody works on it.
 * - `completed`: It is done.
 */
export type Status = "todo" | "in_progress" | "completed";

export type Rank = string;

/**
 * What a rule counts in.
 *
 * - `daily`: Days.
 * - `weekly`: Weeks, which begin on Monday.
 * - `monthly`: Months.
 * - `yearly`: Years.
 */
export type Frequency = "daily" | "weekly" | "monthly" | "yearly";

/**
 * A time of day on the person's own clock: hours and minutes.
 */
export type LocalTime = string;

/**
 * A name of the IANA time zone database.
 */
export type TimeZone = string;

/**
 * A day of the week.
 *
 * - `monday`: The first one.
 * - `tuesday`: The second one.
 * - `wednesday`: The third one.
 * - `thursday`: The fourth one.
 * - `friday`: The fifth one.
 * - `saturday`: The sixth one.
 * - `sunday`: The last one.
 */
export type Weekday = "monday" | "tuesday" | "wednesday" | "thursday" | "friday" | "saturday" | "sunday";

/**
 * A series of tasks, of which each comes after the one before: the id of its first one.
 */
export type SeriesId = string;

/**
 * How a task stands to another one.
 *
 * - `blocked_by`: It waits until the other one is done.
 * - `child_of`: It is a part of the other one.
 * - `duplicate_of`: It asks for what the other one asks for already.
 */
export type Relation = "blocked_by" | "child_of" | "duplicate_of";

/**
 * A task.
 */
export type TaskId = string;

/**
 * How long before a deadline: an ISO 8601 duration of days, hours and minutes.
 */
export type Lead = string;

/**
 * @maxItems 10
 */
export type Leads = Lead[];

export type Email = string;

/**
 * How often mails are put together into one.
 *
 * - `off`: Never: each comes by itself, at once.
 * - `hourly`: Once an hour.
 * - `daily`: Once a day.
 */
export type DigestFrequency = "off" | "hourly" | "daily";

/**
 * What carries a notification.
 *
 * - `inbox`: The list of notifications in Muster itself.
 * - `email`: A mail to the address with which they sign in.
 * - `sms`: A text message to their telephone number.
 * - `push`: A message that their browser or telephone shows.
 */
export type NotificationChannel = "inbox" | "email" | "sms" | "push";

/**
 * @maxItems 4
 */
export type NotificationChannels = NotificationChannel[];

export type Locale = string;

export type Phone = string;

/**
 * What a person is to Muster.
 *
 * - `admin`: Does everything.
 * - `manager`: Leads their own teams.
 * - `member`: Does their own tasks.
 * - `auditor`: Reads everything, changes nothing.
 */
export type Role = "admin" | "manager" | "member" | "auditor";

/**
 * One aggregate's history. Written `task#<uuid>`, which is also the partition key of the event table.
 */
export interface StreamId {
  /**
   * The aggregate's id.
   */
  id: string;
  /**
   * The kind of aggregate.
   */
  type: AggregateType;
}

/**
 * One event as it was recorded: the one envelope. The item in the store, the `detail` on EventBridge and the input of
 * every projector have this shape.
 */
export interface RecordedEvent {
  /**
   * Who did it.
   */
  actor: Actor;
  /**
   * The event or message that caused the command, if it was one.
   */
  causation_id?: string | null;
  /**
   * By which command.
   */
  command_id: CommandId;
  /**
   * The request or process that it belongs to.
   */
  correlation_id: string;
  /**
   * UUID version 5 of stream and version: the same event has the same id wherever it is met.
   */
  event_id: string;
  /**
   * When it was recorded, UTC, to the millisecond; it never runs back within a stream.
   */
  recorded_at: string;
  /**
   * The aggregate.
   */
  stream: StreamId;
  /**
   * Its place in the aggregate's history: 1, 2, 3, … without gaps.
   */
  version: number;
}

/**
 * A task was given to somebody.
 */
export interface TaskAssignedV1 {
  /**
   * Who had it before.
   */
  from?: UserId | null;
  /**
   * Who has it now.
   */
  to: UserId;
}

/**
 * An item that a checklist began with.
 */
export interface BegunChecklistItem {
  /**
   * The item's id.
   */
  item_id: ChecklistItemId;
  /**
   * What is to be done.
   */
  text: ChecklistText;
}

/**
 * A task began with a checklist: that of the one before it in its series, or the one that it had where it was brought in from. Nothing
 * of it is ticked yet.
 */
export interface TaskChecklistBegunV1 {
  /**
   * The items, in order.
   */
  items: BegunChecklistItem[];
}

/**
 * Something was put on a task's checklist. It is not done yet.
 */
export interface TaskChecklistItemAddedV1 {
  /**
   * The item's id.
   */
  item_id: ChecklistItemId;
  /**
   * Where it stands, from 1 on.
   */
  place: number;
  /**
   * What is to be done.
   */
  text: ChecklistText;
}

/**
 * An item of a task's checklist went to another place.
 */
export interface TaskChecklistItemMovedV1 {
  /**
   * Where it stood, from 1 on.
   */
  from: number;
  /**
   * The item's id.
   */
  item_id: ChecklistItemId;
  /**
   * What it says.
   */
  text: ChecklistText;
  /**
   * Where it stands.
   */
  to: number;
}

/**
 * An item was taken off a task's checklist.
 */
export interface TaskChecklistItemRemovedV1 {
  /**
   * Whether it was done.
   */
  done: boolean;
  /**
   * The item's id.
   */
  item_id: ChecklistItemId;
  /**
   * What it said.
   */
  text: ChecklistText;
}

/**
 * An item of a task's checklist was put in other words.
 */
export interface TaskChecklistItemRewordedV1 {
  /**
   * Before.
   */
  from: ChecklistText;
  /**
   * The item's id.
   */
  item_id: ChecklistItemId;
  /**
   * After.
   */
  to: ChecklistText;
}

/**
 * An item of a task's checklist was ticked.
 */
export interface TaskChecklistItemTickedV1 {
  /**
   * The item's id.
   */
  item_id: ChecklistItemId;
  /**
   * What is done.
   */
  text: ChecklistText;
}

/**
 * An item of a task's checklist is not done after all.
 */
export interface TaskChecklistItemUntickedV1 {
  /**
   * The item's id.
   */
  item_id: ChecklistItemId;
  /**
   * What is not done.
   */
  text: ChecklistText;
}

/**
 * Somebody said something on a task.
 */
export interface TaskCommentedV1 {
  /**
   * The comment's id.
   */
  comment_id: CommentId;
  /**
   * What was said, in Markdown.
   */
  text: CommentText;
}

/**
 * What was known of a comment where it comes from: facts that somebody else recorded.
 */
export interface ImportedCommentFacts {
  /**
   * When it was written there.
   */
  at?: string | null;
  /**
   * Who had written it there, if they have an account here. Who has none is not named.
   */
  author?: UserId | null;
}

/**
 * Somebody said something on a task.
 */
export interface TaskCommentedV2 {
  /**
   * The comment's id.
   */
  comment_id: CommentId;
  /**
   * What was known of it where it comes from, if it came with an imported task; since schema 2.
   */
  imported?: ImportedCommentFacts | null;
  /**
   * Whom it speaks to; since schema 2.
   */
  mentions?: UserId[];
  /**
   * What was said, in Markdown.
   */
  text: CommentText;
}

/**
 * Where a task is to be done.
 */
export interface Location {
  /**
   * The place in words: an address, a room.
   */
  name: Name;
  /**
   * Where it is on the globe, if known.
   */
  position?: Position | null;
}

/**
 * A point on the globe (WGS 84).
 */
export interface Position {
  /**
   * Degrees north.
   */
  latitude: number;
  /**
   * Degrees east.
   */
  longitude: number;
}

/**
 * A task was reported. It begins as `todo`.
 */
export interface TaskCreatedV1 {
  /**
   * Who is to do it.
   */
  assignee?: UserId | null;
  /**
   * When it was created.
   */
  at: string;
  /**
   * When it is to be done.
   */
  deadline?: string | null;
  /**
   * What is to be done, in Markdown.
   */
  description?: Description | null;
  /**
   * What it is grouped by.
   */
  labels?: Labels;
  /**
   * Where it is to be done.
   */
  location?: Location | null;
  /**
   * How much hurry there is.
   */
  priority: Priority;
  /**
   * Who reported it; nobody when Muster made it itself.
   */
  reporter?: UserId | null;
  /**
   * The team that it belongs to.
   */
  team?: TeamId | null;
  /**
   * What is to be done, in a line.
   */
  title: Title;
}

/**
 * A task was reported. It begins as `todo`.
 */
export interface TaskCreatedV2 {
  /**
   * Who is to do it.
   */
  assignee?: UserId | null;
  /**
   * When it was created.
   */
  at: string;
  /**
   * When it is to be done.
   */
  deadline?: string | null;
  /**
   * What is to be done, in Markdown.
   */
  description?: Description | null;
  /**
   * What it is grouped by.
   */
  labels?: Labels;
  /**
   * Where it is to be done.
   */
  location?: Location | null;
  /**
   * Whom the description speaks to; since schema 2.
   */
  mentions?: UserId[];
  /**
   * How much hurry there is.
   */
  priority: Priority;
  /**
   * Who reported it; nobody when Muster made it itself.
   */
  reporter?: UserId | null;
  /**
   * The team that it belongs to.
   */
  team?: TeamId | null;
  /**
   * What is to be done, in a line.
   */
  title: Title;
}

/**
 * A task lost its deadline.
 */
export interface TaskDeadlineClearedV1 {
  /**
   * The deadline before.
   */
  from: string;
}

/**
 * A task got a deadline.
 */
export interface TaskDeadlineSetV1 {
  /**
   * The deadline before.
   */
  from?: string | null;
  /**
   * The deadline now.
   */
  to: string;
}

/**
 * A task was deleted.
 */
export interface TaskDeletedV1 {
  /**
   * When.
   */
  at: string;
}

/**
 * A value before and after: events carry both, so that a log needs nothing but the event.
 */
export interface ChangeOfLabels {
  /**
   * Before.
   */
  from: Labels;
  /**
   * After.
   */
  to: Labels;
}

/**
 * A value before and after: events carry both, so that a log needs nothing but the event.
 */
export interface ChangeOfNullable_Description {
  /**
   * Before.
   */
  from?: Description | null;
  /**
   * After.
   */
  to?: Description | null;
}

/**
 * A value before and after: events carry both, so that a log needs nothing but the event.
 */
export interface ChangeOfNullable_Location {
  /**
   * Before.
   */
  from?: Location | null;
  /**
   * After.
   */
  to?: Location | null;
}

/**
 * A value before and after: events carry both, so that a log needs nothing but the event.
 */
export interface ChangeOfTitle {
  /**
   * Before.
   */
  from: Title;
  /**
   * After.
   */
  to: Title;
}

/**
 * A task was put in other words. Each field that is there changed.
 */
export interface TaskEditedV1 {
  /**
   * The description.
   */
  description?: ChangeOfNullable_Description | null;
  /**
   * The labels.
   */
  labels?: ChangeOfLabels | null;
  /**
   * The location.
   */
  location?: ChangeOfNullable_Location | null;
  /**
   * The title.
   */
  title?: ChangeOfTitle | null;
}

/**
 * A task was put in other words. Each field that is there changed.
 */
export interface TaskEditedV2 {
  /**
   * The description.
   */
  description?: ChangeOfNullable_Description | null;
  /**
   * The labels.
   */
  labels?: ChangeOfLabels | null;
  /**
   * The location.
   */
  location?: ChangeOfNullable_Location | null;
  /**
   * Whom the description speaks to and did not before; since schema 2.
   */
  mentions?: UserId[];
  /**
   * The title.
   */
  title?: ChangeOfTitle | null;
}

/**
 * A task waits for something outside.
 */
export interface TaskHeldV1 {
  /**
   * Since when.
   */
  at: string;
  /**
   * What it waits for.
   */
  reason: Reason;
}

/**
 * What was known of a task where it comes from. These are facts that somebody else recorded: they begin no clock here and count in
 * no figure.
 */
export interface ImportedFacts {
  /**
   * Who had written it there, if they have an account here. Who has none is not named.
   */
  author?: UserId | null;
  /**
   * When it was completed there.
   */
  completed_at?: string | null;
  /**
   * When it was created there.
   */
  created_at?: string | null;
  /**
   * What it is called there.
   */
  external_id?: ExternalId | null;
  /**
   * The import that brought it.
   */
  import_id: ImportId;
  /**
   * Where it comes from.
   */
  source: ImportSource;
}

/**
 * A task was brought in from a file of another program. Its history here begins with this.
 *
 * What was known of it there are facts that somebody else recorded: they begin no clock and count in no figure.
 */
export interface TaskImportedV1 {
  /**
   * Who is to do it.
   */
  assignee?: UserId | null;
  /**
   * When it was brought in.
   */
  at: string;
  /**
   * When it is to be done.
   */
  deadline?: string | null;
  /**
   * What is to be done, in Markdown.
   */
  description?: Description | null;
  /**
   * What was known of it where it comes from.
   */
  imported: ImportedFacts;
  /**
   * What it is grouped by.
   */
  labels?: Labels;
  /**
   * Where it is to be done.
   */
  location?: Location | null;
  /**
   * How much hurry there is.
   */
  priority: Priority;
  /**
   * Who brought it in; nobody when an operator did.
   */
  reporter?: UserId | null;
  /**
   * How far it had come.
   */
  status: Status;
  /**
   * The team that it belongs to.
   */
  team?: TeamId | null;
  /**
   * What is to be done, in a line.
   */
  title: Title;
}

/**
 * A task's hurry changed.
 */
export interface TaskPriorityChangedV1 {
  /**
   * Before.
   */
  from: Priority;
  /**
   * After.
   */
  to: Priority;
}

/**
 * A task was put at another place. The places of tasks are one order, of which each list and board shows a part.
 */
export interface TaskRankedV1 {
  /**
   * Its place before.
   */
  from: Rank;
  /**
   * Its place now.
   */
  to: Rank;
}

/**
 * When a task comes again.
 */
export interface Recurrence {
  /**
   * How many occurrences the series has.
   */
  count?: number | null;
  /**
   * Of a monthly or yearly rule: the day of the month. In a month that has fewer days it is the last one, so 31 is always the last.
   */
  day?: number | null;
  /**
   * What it counts in.
   */
  frequency: Frequency;
  /**
   * How many of these lie between two occurrences.
   */
  interval: number;
  /**
   * Of a yearly rule: the month.
   */
  month?: number | null;
  /**
   * At which time of its day an occurrence is due.
   */
  time: LocalTime;
  /**
   * Where that clock stands.
   */
  time_zone: TimeZone;
  /**
   * The last day that an occurrence may be due on.
   */
  until?: string | null;
  /**
   * Of a weekly rule: its days.
   */
  weekdays?: Weekday[];
}

/**
 * A task lost the rule by which others come after it.
 */
export interface TaskRecurrenceClearedV1 {
  /**
   * The rule before.
   */
  from: Recurrence;
}

/**
 * A task got a rule by which others come after it, or another one.
 */
export interface TaskRecurrenceSetV1 {
  /**
   * The task's day by the rule.
   */
  day: string;
  /**
   * The rule before.
   */
  from?: Recurrence | null;
  /**
   * Which one of the series it is; the first has 1.
   */
  number: number;
  /**
   * The series that the task is in.
   */
  series: SeriesId;
  /**
   * The rule now.
   */
  to: Recurrence;
}

/**
 * A task stands to another one in some way. What the other one is to it follows from this.
 */
export interface TaskRelatedV1 {
  /**
   * How.
   */
  relation: Relation;
  /**
   * To which.
   */
  to: TaskId;
}

/**
 * It was time to remind of a task's deadline. It happens once for each deadline and each time before it.
 */
export interface TaskReminderFiredV1 {
  /**
   * When it was.
   */
  at: string;
  /**
   * The deadline.
   */
  deadline: string;
  /**
   * How long before the deadline it was to be.
   */
  lead: Lead;
  /**
   * Who is to be reminded.
   */
  recipients: UserId[];
}

/**
 * A task is to be reminded of its deadline at other times than before.
 */
export interface TaskRemindersSetV1 {
  /**
   * Who is reminded beside whoever is to do the task: the person that has set it.
   */
  by?: UserId | null;
  /**
   * How long before the deadline, until now.
   */
  from: Leads;
  /**
   * How long before the deadline, from now on.
   */
  to: Leads;
}

/**
 * A task was restored.
 */
export interface TaskRestoredV1 {
  /**
   * When it had been deleted.
   */
  deleted_at: string;
}

/**
 * A task waits no longer.
 */
export interface TaskResumedV1 {
  /**
   * When.
   */
  at: string;
  /**
   * Since when it had waited.
   */
  held_since: string;
  /**
   * Why it goes on.
   */
  reason: Reason;
}

/**
 * A task went on, or back. From `completed` to anything else it was reopened, and a new cycle began.
 */
export interface TaskStatusChangedV1 {
  /**
   * When.
   */
  at: string;
  /**
   * Before.
   */
  from: Status;
  /**
   * After.
   */
  to: Status;
}

/**
 * A task went to another team.
 */
export interface TaskTeamChangedV1 {
  /**
   * Whose it was before.
   */
  from?: TeamId | null;
  /**
   * Whose it is now.
   */
  to?: TeamId | null;
}

/**
 * A task was taken from somebody.
 */
export interface TaskUnassignedV1 {
  /**
   * Who had it before.
   */
  from: UserId;
}

/**
 * A task does not stand so to another one any more.
 */
export interface TaskUnrelatedV1 {
  /**
   * How it stood.
   */
  relation: Relation;
  /**
   * To which.
   */
  to: TaskId;
}

/**
 * Somebody watches a task no longer.
 */
export interface TaskUnwatchedV1 {
  /**
   * Who.
   */
  user_id: UserId;
}

/**
 * Somebody watches a task.
 */
export interface TaskWatchedV1 {
  /**
   * Who.
   */
  user_id: UserId;
}

/**
 * A team was founded.
 */
export interface TeamCreatedV1 {
  /**
   * When.
   */
  at: string;
  /**
   * What it does.
   */
  description?: Description | null;
  /**
   * What it is called.
   */
  name: Name;
}

/**
 * A value before and after: events carry both, so that a log needs nothing but the event.
 */
export interface ChangeOfName {
  /**
   * Before.
   */
  from: Name;
  /**
   * After.
   */
  to: Name;
}

/**
 * A team is called or described otherwise. Each field that is there changed.
 */
export interface TeamEditedV1 {
  /**
   * The description.
   */
  description?: ChangeOfNullable_Description | null;
  /**
   * The name.
   */
  name?: ChangeOfName | null;
}

/**
 * An account was closed.
 */
export interface UserDeactivatedV1 {
  /**
   * The address that is free now.
   */
  email: Email;
}

/**
 * A personal value as it is stored and sent: only who has the person's key can read it.
 */
export interface Sealed {
  /**
   * AES-256-GCM over the value's JSON: nonce, ciphertext and tag in base64url without padding.
   */
  sealed: string;
}

/**
 * An account was closed.
 */
export interface UserDeactivatedV2 {
  /**
   * The address that is free now.
   */
  email: Sealed;
}

/**
 * The address of an account changed.
 */
export interface UserEmailChangedV1 {
  /**
   * Before.
   */
  from: Email;
  /**
   * After.
   */
  to: Email;
}

/**
 * The address of an account changed.
 */
export interface UserEmailChangedV2 {
  /**
   * Before.
   */
  from: Sealed;
  /**
   * After.
   */
  to: Sealed;
}

/**
 * Everything personal of an account was erased. What was sealed before cannot be read any more.
 */
export interface UserErasedV1 {
  /**
   * When.
   */
  at: string;
}

/**
 * A person joined a team.
 */
export interface UserJoinedTeamV1 {
  /**
   * The team.
   */
  team_id: TeamId;
}

/**
 * A person left a team.
 */
export interface UserLeftTeamV1 {
  /**
   * The team.
   */
  team_id: TeamId;
}

/**
 * Something for each kind of notification, so that none is forgotten: a task is theirs now (`assignment`), a task of theirs has moved
 * on (`status_change`), somebody has said something on one (`comment`) or named them (`mention`), one is due soon (`deadline_near`) or
 * should have been done by now (`deadline_missed`), or has to wait or need not wait any longer (`hold`).
 */
export interface NotificationChannelsByKind {
  /**
   * A task is theirs now.
   */
  assignment: NotificationChannels;
  /**
   * Somebody has said something on a task of theirs.
   */
  comment: NotificationChannels;
  /**
   * A task of theirs should have been done by now.
   */
  deadline_missed: NotificationChannels;
  /**
   * A task of theirs is due soon.
   */
  deadline_near: NotificationChannels;
  /**
   * A task of theirs has to wait, or need not wait any longer.
   */
  hold: NotificationChannels;
  /**
   * Somebody has named them in a comment.
   */
  mention: NotificationChannels;
  /**
   * A task of theirs has moved on.
   */
  status_change: NotificationChannels;
}

/**
 * Whether mails come one by one or together.
 */
export interface NotificationDigest {
  /**
   * When the daily one comes, in their own time zone. It is kept while there is none.
   */
  at: LocalTime;
  /**
   * How often they are put together.
   */
  frequency: DigestFrequency;
}

/**
 * How somebody wants to be told of what concerns them.
 */
export interface NotificationPreferences {
  /**
   * The channels that carry each kind of notification; of a kind without channels they are not told.
   */
  channels: NotificationChannelsByKind;
  /**
   * Whether mails come one by one or together.
   */
  digest: NotificationDigest;
  /**
   * When they want to be left alone, in their own time zone; null for never. The inbox is filled at any time.
   */
  quiet_hours?: QuietHours | null;
}

/**
 * The hours in which somebody wants to be left alone, every day. They may go over midnight.
 */
export interface QuietHours {
  /**
   * Whether what is about a critical task comes all the same.
   */
  except_critical: boolean;
  /**
   * When they begin.
   */
  from: LocalTime;
  /**
   * When they are over.
   */
  to: LocalTime;
}

/**
 * What somebody wants to be told of, and how, changed. It says when somebody wants to be left alone, but not who it is.
 */
export interface UserNotificationPreferencesChangedV1 {
  /**
   * Before: what they had chosen, or what was the default then.
   */
  from: NotificationPreferences;
  /**
   * After.
   */
  to: NotificationPreferences;
}

/**
 * A value before and after: events carry both, so that a log needs nothing but the event.
 */
export interface ChangeOfNullable_Locale {
  /**
   * Before.
   */
  from?: Locale | null;
  /**
   * After.
   */
  to?: Locale | null;
}

/**
 * A value before and after: events carry both, so that a log needs nothing but the event.
 */
export interface ChangeOfNullable_Phone {
  /**
   * Before.
   */
  from?: Phone | null;
  /**
   * After.
   */
  to?: Phone | null;
}

/**
 * A value before and after: events carry both, so that a log needs nothing but the event.
 */
export interface ChangeOfTimeZone {
  /**
   * Before.
   */
  from: TimeZone;
  /**
   * After.
   */
  to: TimeZone;
}

/**
 * A profile changed. Each field that is there changed.
 */
export interface UserProfileChangedV1 {
  /**
   * The language.
   */
  locale?: ChangeOfNullable_Locale | null;
  /**
   * The name.
   */
  name?: ChangeOfName | null;
  /**
   * The telephone number.
   */
  phone?: ChangeOfNullable_Phone | null;
  /**
   * The time zone.
   */
  time_zone?: ChangeOfTimeZone | null;
}

/**
 * A profile changed. Each field that is there changed.
 */
export interface UserProfileChangedV2 {
  /**
   * The language.
   */
  locale?: Sealed | null;
  /**
   * The name.
   */
  name?: Sealed | null;
  /**
   * The telephone number.
   */
  phone?: Sealed | null;
  /**
   * The time zone.
   */
  time_zone?: ChangeOfTimeZone | null;
}

/**
 * An account was opened again.
 */
export interface UserReactivatedV1 {
  /**
   * The address that it takes again.
   */
  email: Email;
}

/**
 * An account was opened again.
 */
export interface UserReactivatedV2 {
  /**
   * The address that it takes again.
   */
  email: Sealed;
}

/**
 * An account was made.
 */
export interface UserRegisteredV1 {
  /**
   * When.
   */
  at: string;
  /**
   * The address with which they sign in.
   */
  email: Email;
  /**
   * The language they read.
   */
  locale?: Locale | null;
  /**
   * What the person is called.
   */
  name: Name;
  /**
   * Where they can be called.
   */
  phone?: Phone | null;
  /**
   * What they may do.
   */
  role: Role;
  /**
   * Where their clock stands.
   */
  time_zone: TimeZone;
}

/**
 * An account was made.
 */
export interface UserRegisteredV2 {
  /**
   * When.
   */
  at: string;
  /**
   * The address with which they sign in.
   */
  email: Sealed;
  /**
   * The language they read.
   */
  locale?: Sealed | null;
  /**
   * What the person is called.
   */
  name: Sealed;
  /**
   * Where they can be called.
   */
  phone?: Sealed | null;
  /**
   * What they may do.
   */
  role: Role;
  /**
   * Where their clock stands.
   */
  time_zone: TimeZone;
}

/**
 * The role of an account changed.
 */
export interface UserRoleChangedV1 {
  /**
   * Before.
   */
  from: Role;
  /**
   * After.
   */
  to: Role;
}

/** TaskAssigned, schema 1. */
export interface TaskAssignedV1Event extends RecordedEvent {
  /** What happened. */
  type: "TaskAssigned";
  /** The version of the shape of `data`. */
  schema: 1;
  /** What it says. */
  data: TaskAssignedV1;
}

/** TaskChecklistBegun, schema 1. */
export interface TaskChecklistBegunV1Event extends RecordedEvent {
  /** What happened. */
  type: "TaskChecklistBegun";
  /** The version of the shape of `data`. */
  schema: 1;
  /** What it says. */
  data: TaskChecklistBegunV1;
}

/** TaskChecklistItemAdded, schema 1. */
export interface TaskChecklistItemAddedV1Event extends RecordedEvent {
  /** What happened. */
  type: "TaskChecklistItemAdded";
  /** The version of the shape of `data`. */
  schema: 1;
  /** What it says. */
  data: TaskChecklistItemAddedV1;
}

/** TaskChecklistItemMoved, schema 1. */
export interface TaskChecklistItemMovedV1Event extends RecordedEvent {
  /** What happened. */
  type: "TaskChecklistItemMoved";
  /** The version of the shape of `data`. */
  schema: 1;
  /** What it says. */
  data: TaskChecklistItemMovedV1;
}

/** TaskChecklistItemRemoved, schema 1. */
export interface TaskChecklistItemRemovedV1Event extends RecordedEvent {
  /** What happened. */
  type: "TaskChecklistItemRemoved";
  /** The version of the shape of `data`. */
  schema: 1;
  /** What it says. */
  data: TaskChecklistItemRemovedV1;
}

/** TaskChecklistItemReworded, schema 1. */
export interface TaskChecklistItemRewordedV1Event extends RecordedEvent {
  /** What happened. */
  type: "TaskChecklistItemReworded";
  /** The version of the shape of `data`. */
  schema: 1;
  /** What it says. */
  data: TaskChecklistItemRewordedV1;
}

/** TaskChecklistItemTicked, schema 1. */
export interface TaskChecklistItemTickedV1Event extends RecordedEvent {
  /** What happened. */
  type: "TaskChecklistItemTicked";
  /** The version of the shape of `data`. */
  schema: 1;
  /** What it says. */
  data: TaskChecklistItemTickedV1;
}

/** TaskChecklistItemUnticked, schema 1. */
export interface TaskChecklistItemUntickedV1Event extends RecordedEvent {
  /** What happened. */
  type: "TaskChecklistItemUnticked";
  /** The version of the shape of `data`. */
  schema: 1;
  /** What it says. */
  data: TaskChecklistItemUntickedV1;
}

/** TaskCommented, schema 1. */
export interface TaskCommentedV1Event extends RecordedEvent {
  /** What happened. */
  type: "TaskCommented";
  /** The version of the shape of `data`. */
  schema: 1;
  /** What it says. */
  data: TaskCommentedV1;
}

/** TaskCommented, schema 2. */
export interface TaskCommentedV2Event extends RecordedEvent {
  /** What happened. */
  type: "TaskCommented";
  /** The version of the shape of `data`. */
  schema: 2;
  /** What it says. */
  data: TaskCommentedV2;
}

/** TaskCreated, schema 1. */
export interface TaskCreatedV1Event extends RecordedEvent {
  /** What happened. */
  type: "TaskCreated";
  /** The version of the shape of `data`. */
  schema: 1;
  /** What it says. */
  data: TaskCreatedV1;
}

/** TaskCreated, schema 2. */
export interface TaskCreatedV2Event extends RecordedEvent {
  /** What happened. */
  type: "TaskCreated";
  /** The version of the shape of `data`. */
  schema: 2;
  /** What it says. */
  data: TaskCreatedV2;
}

/** TaskDeadlineCleared, schema 1. */
export interface TaskDeadlineClearedV1Event extends RecordedEvent {
  /** What happened. */
  type: "TaskDeadlineCleared";
  /** The version of the shape of `data`. */
  schema: 1;
  /** What it says. */
  data: TaskDeadlineClearedV1;
}

/** TaskDeadlineSet, schema 1. */
export interface TaskDeadlineSetV1Event extends RecordedEvent {
  /** What happened. */
  type: "TaskDeadlineSet";
  /** The version of the shape of `data`. */
  schema: 1;
  /** What it says. */
  data: TaskDeadlineSetV1;
}

/** TaskDeleted, schema 1. */
export interface TaskDeletedV1Event extends RecordedEvent {
  /** What happened. */
  type: "TaskDeleted";
  /** The version of the shape of `data`. */
  schema: 1;
  /** What it says. */
  data: TaskDeletedV1;
}

/** TaskEdited, schema 1. */
export interface TaskEditedV1Event extends RecordedEvent {
  /** What happened. */
  type: "TaskEdited";
  /** The version of the shape of `data`. */
  schema: 1;
  /** What it says. */
  data: TaskEditedV1;
}

/** TaskEdited, schema 2. */
export interface TaskEditedV2Event extends RecordedEvent {
  /** What happened. */
  type: "TaskEdited";
  /** The version of the shape of `data`. */
  schema: 2;
  /** What it says. */
  data: TaskEditedV2;
}

/** TaskHeld, schema 1. */
export interface TaskHeldV1Event extends RecordedEvent {
  /** What happened. */
  type: "TaskHeld";
  /** The version of the shape of `data`. */
  schema: 1;
  /** What it says. */
  data: TaskHeldV1;
}

/** TaskImported, schema 1. */
export interface TaskImportedV1Event extends RecordedEvent {
  /** What happened. */
  type: "TaskImported";
  /** The version of the shape of `data`. */
  schema: 1;
  /** What it says. */
  data: TaskImportedV1;
}

/** TaskPriorityChanged, schema 1. */
export interface TaskPriorityChangedV1Event extends RecordedEvent {
  /** What happened. */
  type: "TaskPriorityChanged";
  /** The version of the shape of `data`. */
  schema: 1;
  /** What it says. */
  data: TaskPriorityChangedV1;
}

/** TaskRanked, schema 1. */
export interface TaskRankedV1Event extends RecordedEvent {
  /** What happened. */
  type: "TaskRanked";
  /** The version of the shape of `data`. */
  schema: 1;
  /** What it says. */
  data: TaskRankedV1;
}

/** TaskRecurrenceCleared, schema 1. */
export interface TaskRecurrenceClearedV1Event extends RecordedEvent {
  /** What happened. */
  type: "TaskRecurrenceCleared";
  /** The version of the shape of `data`. */
  schema: 1;
  /** What it says. */
  data: TaskRecurrenceClearedV1;
}

/** TaskRecurrenceSet, schema 1. */
export interface TaskRecurrenceSetV1Event extends RecordedEvent {
  /** What happened. */
  type: "TaskRecurrenceSet";
  /** The version of the shape of `data`. */
  schema: 1;
  /** What it says. */
  data: TaskRecurrenceSetV1;
}

/** TaskRelated, schema 1. */
export interface TaskRelatedV1Event extends RecordedEvent {
  /** What happened. */
  type: "TaskRelated";
  /** The version of the shape of `data`. */
  schema: 1;
  /** What it says. */
  data: TaskRelatedV1;
}

/** TaskReminderFired, schema 1. */
export interface TaskReminderFiredV1Event extends RecordedEvent {
  /** What happened. */
  type: "TaskReminderFired";
  /** The version of the shape of `data`. */
  schema: 1;
  /** What it says. */
  data: TaskReminderFiredV1;
}

/** TaskRemindersSet, schema 1. */
export interface TaskRemindersSetV1Event extends RecordedEvent {
  /** What happened. */
  type: "TaskRemindersSet";
  /** The version of the shape of `data`. */
  schema: 1;
  /** What it says. */
  data: TaskRemindersSetV1;
}

/** TaskRestored, schema 1. */
export interface TaskRestoredV1Event extends RecordedEvent {
  /** What happened. */
  type: "TaskRestored";
  /** The version of the shape of `data`. */
  schema: 1;
  /** What it says. */
  data: TaskRestoredV1;
}

/** TaskResumed, schema 1. */
export interface TaskResumedV1Event extends RecordedEvent {
  /** What happened. */
  type: "TaskResumed";
  /** The version of the shape of `data`. */
  schema: 1;
  /** What it says. */
  data: TaskResumedV1;
}

/** TaskStatusChanged, schema 1. */
export interface TaskStatusChangedV1Event extends RecordedEvent {
  /** What happened. */
  type: "TaskStatusChanged";
  /** The version of the shape of `data`. */
  schema: 1;
  /** What it says. */
  data: TaskStatusChangedV1;
}

/** TaskTeamChanged, schema 1. */
export interface TaskTeamChangedV1Event extends RecordedEvent {
  /** What happened. */
  type: "TaskTeamChanged";
  /** The version of the shape of `data`. */
  schema: 1;
  /** What it says. */
  data: TaskTeamChangedV1;
}

/** TaskUnassigned, schema 1. */
export interface TaskUnassignedV1Event extends RecordedEvent {
  /** What happened. */
  type: "TaskUnassigned";
  /** The version of the shape of `data`. */
  schema: 1;
  /** What it says. */
  data: TaskUnassignedV1;
}

/** TaskUnrelated, schema 1. */
export interface TaskUnrelatedV1Event extends RecordedEvent {
  /** What happened. */
  type: "TaskUnrelated";
  /** The version of the shape of `data`. */
  schema: 1;
  /** What it says. */
  data: TaskUnrelatedV1;
}

/** TaskUnwatched, schema 1. */
export interface TaskUnwatchedV1Event extends RecordedEvent {
  /** What happened. */
  type: "TaskUnwatched";
  /** The version of the shape of `data`. */
  schema: 1;
  /** What it says. */
  data: TaskUnwatchedV1;
}

/** TaskWatched, schema 1. */
export interface TaskWatchedV1Event extends RecordedEvent {
  /** What happened. */
  type: "TaskWatched";
  /** The version of the shape of `data`. */
  schema: 1;
  /** What it says. */
  data: TaskWatchedV1;
}

/** TeamCreated, schema 1. */
export interface TeamCreatedV1Event extends RecordedEvent {
  /** What happened. */
  type: "TeamCreated";
  /** The version of the shape of `data`. */
  schema: 1;
  /** What it says. */
  data: TeamCreatedV1;
}

/** TeamEdited, schema 1. */
export interface TeamEditedV1Event extends RecordedEvent {
  /** What happened. */
  type: "TeamEdited";
  /** The version of the shape of `data`. */
  schema: 1;
  /** What it says. */
  data: TeamEditedV1;
}

/** UserDeactivated, schema 1. */
export interface UserDeactivatedV1Event extends RecordedEvent {
  /** What happened. */
  type: "UserDeactivated";
  /** The version of the shape of `data`. */
  schema: 1;
  /** What it says. */
  data: UserDeactivatedV1;
}

/** UserDeactivated, schema 2. */
export interface UserDeactivatedV2Event extends RecordedEvent {
  /** What happened. */
  type: "UserDeactivated";
  /** The version of the shape of `data`. */
  schema: 2;
  /** What it says. */
  data: UserDeactivatedV2;
}

/** UserEmailChanged, schema 1. */
export interface UserEmailChangedV1Event extends RecordedEvent {
  /** What happened. */
  type: "UserEmailChanged";
  /** The version of the shape of `data`. */
  schema: 1;
  /** What it says. */
  data: UserEmailChangedV1;
}

/** UserEmailChanged, schema 2. */
export interface UserEmailChangedV2Event extends RecordedEvent {
  /** What happened. */
  type: "UserEmailChanged";
  /** The version of the shape of `data`. */
  schema: 2;
  /** What it says. */
  data: UserEmailChangedV2;
}

/** UserErased, schema 1. */
export interface UserErasedV1Event extends RecordedEvent {
  /** What happened. */
  type: "UserErased";
  /** The version of the shape of `data`. */
  schema: 1;
  /** What it says. */
  data: UserErasedV1;
}

/** UserJoinedTeam, schema 1. */
export interface UserJoinedTeamV1Event extends RecordedEvent {
  /** What happened. */
  type: "UserJoinedTeam";
  /** The version of the shape of `data`. */
  schema: 1;
  /** What it says. */
  data: UserJoinedTeamV1;
}

/** UserLeftTeam, schema 1. */
export interface UserLeftTeamV1Event extends RecordedEvent {
  /** What happened. */
  type: "UserLeftTeam";
  /** The version of the shape of `data`. */
  schema: 1;
  /** What it says. */
  data: UserLeftTeamV1;
}

/** UserNotificationPreferencesChanged, schema 1. */
export interface UserNotificationPreferencesChangedV1Event extends RecordedEvent {
  /** What happened. */
  type: "UserNotificationPreferencesChanged";
  /** The version of the shape of `data`. */
  schema: 1;
  /** What it says. */
  data: UserNotificationPreferencesChangedV1;
}

/** UserProfileChanged, schema 1. */
export interface UserProfileChangedV1Event extends RecordedEvent {
  /** What happened. */
  type: "UserProfileChanged";
  /** The version of the shape of `data`. */
  schema: 1;
  /** What it says. */
  data: UserProfileChangedV1;
}

/** UserProfileChanged, schema 2. */
export interface UserProfileChangedV2Event extends RecordedEvent {
  /** What happened. */
  type: "UserProfileChanged";
  /** The version of the shape of `data`. */
  schema: 2;
  /** What it says. */
  data: UserProfileChangedV2;
}

/** UserReactivated, schema 1. */
export interface UserReactivatedV1Event extends RecordedEvent {
  /** What happened. */
  type: "UserReactivated";
  /** The version of the shape of `data`. */
  schema: 1;
  /** What it says. */
  data: UserReactivatedV1;
}

/** UserReactivated, schema 2. */
export interface UserReactivatedV2Event extends RecordedEvent {
  /** What happened. */
  type: "UserReactivated";
  /** The version of the shape of `data`. */
  schema: 2;
  /** What it says. */
  data: UserReactivatedV2;
}

/** UserRegistered, schema 1. */
export interface UserRegisteredV1Event extends RecordedEvent {
  /** What happened. */
  type: "UserRegistered";
  /** The version of the shape of `data`. */
  schema: 1;
  /** What it says. */
  data: UserRegisteredV1;
}

/** UserRegistered, schema 2. */
export interface UserRegisteredV2Event extends RecordedEvent {
  /** What happened. */
  type: "UserRegistered";
  /** The version of the shape of `data`. */
  schema: 2;
  /** What it says. */
  data: UserRegisteredV2;
}

/** UserRoleChanged, schema 1. */
export interface UserRoleChangedV1Event extends RecordedEvent {
  /** What happened. */
  type: "UserRoleChanged";
  /** The version of the shape of `data`. */
  schema: 1;
  /** What it says. */
  data: UserRoleChangedV1;
}

/** Any event, told apart by `type` and `schema`. */
export type MusterEvent =
  | TaskAssignedV1Event
  | TaskChecklistBegunV1Event
  | TaskChecklistItemAddedV1Event
  | TaskChecklistItemMovedV1Event
  | TaskChecklistItemRemovedV1Event
  | TaskChecklistItemRewordedV1Event
  | TaskChecklistItemTickedV1Event
  | TaskChecklistItemUntickedV1Event
  | TaskCommentedV1Event
  | TaskCommentedV2Event
  | TaskCreatedV1Event
  | TaskCreatedV2Event
  | TaskDeadlineClearedV1Event
  | TaskDeadlineSetV1Event
  | TaskDeletedV1Event
  | TaskEditedV1Event
  | TaskEditedV2Event
  | TaskHeldV1Event
  | TaskImportedV1Event
  | TaskPriorityChangedV1Event
  | TaskRankedV1Event
  | TaskRecurrenceClearedV1Event
  | TaskRecurrenceSetV1Event
  | TaskRelatedV1Event
  | TaskReminderFiredV1Event
  | TaskRemindersSetV1Event
  | TaskRestoredV1Event
  | TaskResumedV1Event
  | TaskStatusChangedV1Event
  | TaskTeamChangedV1Event
  | TaskUnassignedV1Event
  | TaskUnrelatedV1Event
  | TaskUnwatchedV1Event
  | TaskWatchedV1Event
  | TeamCreatedV1Event
  | TeamEditedV1Event
  | UserDeactivatedV1Event
  | UserDeactivatedV2Event
  | UserEmailChangedV1Event
  | UserEmailChangedV2Event
  | UserErasedV1Event
  | UserJoinedTeamV1Event
  | UserLeftTeamV1Event
  | UserNotificationPreferencesChangedV1Event
  | UserProfileChangedV1Event
  | UserProfileChangedV2Event
  | UserReactivatedV1Event
  | UserReactivatedV2Event
  | UserRegisteredV1Event
  | UserRegisteredV2Event
  | UserRoleChangedV1Event;

/** The types of event. */
export type MusterEventType = MusterEvent["type"];

/** The events of one type, at every schema. */
export type MusterEventOf<T extends MusterEventType> = Extract<MusterEvent, { type: T }>;

/** A message on EventBridge: `detail` is the event, and `detail-type` its type. */
export interface MusterEventBridgeEvent<E extends MusterEvent = MusterEvent> {
  version: string;
  /** The message's id: another each time. The event's is `detail.event_id`. */
  id: string;
  source: "muster";
  "detail-type": E["type"];
  account: string;
  /** When EventBridge took it in. When the event was recorded is `detail.recorded_at`. */
  time: string;
  region: string;
  resources: string[];
  detail: E;
}

/** What a webhook gets when an administrator tries it: no event. */
export interface MusterWebhookTest {
  type: "WebhookTest";
  /** The webhook that is tried. */
  webhook_id: string;
  /** When it was sent. */
  sent_at: string;
}
