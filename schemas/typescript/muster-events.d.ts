/**
 * The events that Muster sends: made from the JSON Schemas in `schemas/events` by `cargo xtask schemas`.
 *
 * `MusterEvent` is the `detail` of a message on EventBridge (`MusterEventBridgeEvent`). It is a union that `type` and `schema` tell
 * apart: in `if (event.type === "TaskAssigned")`, `event.data` is what such an event says. There will be more types and schemas: pass
 * over what you do not know. What says who a person is comes sealed.
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

/**
 * How far a task has come.
 *
 * - `todo`: Nobody works on it yet.
 * - `in_progress`: Somebody works on it.
 * - `completed`: It is done.
 */
export type Status = "todo" | "in_progress" | "completed";

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
 * A time of day on the person's own clock: hours and minutes.
 */
export type LocalTime = string;

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
 * A name of the IANA time zone database.
 */
export type TimeZone = string;

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

/** TaskCommented, schema 1. */
export interface TaskCommentedV1Event extends RecordedEvent {
  /** What happened. */
  type: "TaskCommented";
  /** The version of the shape of `data`. */
  schema: 1;
  /** What it says. */
  data: TaskCommentedV1;
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

/** TaskHeld, schema 1. */
export interface TaskHeldV1Event extends RecordedEvent {
  /** What happened. */
  type: "TaskHeld";
  /** The version of the shape of `data`. */
  schema: 1;
  /** What it says. */
  data: TaskHeldV1;
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
  | TaskCommentedV1Event
  | TaskCreatedV1Event
  | TaskDeadlineClearedV1Event
  | TaskDeadlineSetV1Event
  | TaskDeletedV1Event
  | TaskEditedV1Event
  | TaskHeldV1Event
  | TaskPriorityChangedV1Event
  | TaskRestoredV1Event
  | TaskResumedV1Event
  | TaskStatusChangedV1Event
  | TaskTeamChangedV1Event
  | TaskUnassignedV1Event
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
