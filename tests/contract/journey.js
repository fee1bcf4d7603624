// What no schema says of the requests of the collection: in which order all of them can be sent, what each leaves for those after it, and
// what a good body says. What they change or take away they have made before; of whoever sends them nothing changes but their notification
// preferences, which are those of the beginning again, and where they are signed in.

const API = "/api/v1";
const FACTOR = `${API}/profile/second-factor`;
const OUTSIDE = `${API}/profile/outside-identities`;
const TASK = `${API}/tasks/{task_id}`;
const USER = `${API}/users/{user_id}`;
const WEBHOOK = `${API}/webhooks/{webhook_id}`;

/** The folder that comes after the others: in it, the session ends in which they are sent. */
export const LAST_FOLDER = "authentication";

/**
 * What does not come where its path would have it, and after what it comes instead. By its path, what makes a thing comes first, and what
 * takes it away last.
 */
export const AFTER = [
  // What was taken away is brought back.
  [`POST ${TASK}/restore`, `DELETE ${TASK}`],
  [`POST ${USER}/reactivate`, `DELETE ${USER}`],
  // Who is erased has closed their account before, and does not come back.
  [`POST ${USER}/erase`, `POST ${USER}/reactivate`],
  // A test is a delivery, too.
  [`GET ${WEBHOOK}/deliveries`, `POST ${WEBHOOK}/test`],
  [`POST ${WEBHOOK}/deliveries/{delivery_id}/replay`, `GET ${WEBHOOK}/deliveries`],
  // Each ends a session, which the sign-in before it has begun.
  [`POST ${API}/logout`, `GET ${API}/users/signup`],
  [`POST ${API}/users/login`, `POST ${API}/logout`],
  [`POST ${API}/users/login/second-factor`, `POST ${API}/users/login`],
  [`POST ${API}/users/logout`, `POST ${API}/users/login/second-factor`],
];

/** What is sent once more, and after what: an account that was opened again is closed again. */
export const AGAIN = [[`DELETE ${USER}`, `POST ${USER}/reactivate`]];

const SIGNED_IN = { access_token: "access_token", refresh_token: "refresh_token" };

/** What an answer leaves for the requests after it: each variable, and where in the answer its value is. */
export const LEAVES = {
  [`POST ${API}/login`]: SIGNED_IN,
  [`POST ${API}/refresh`]: SIGNED_IN,
  [`POST ${API}/users/login`]: SIGNED_IN,
  [`POST ${API}/users/refresh`]: SIGNED_IN,
  [`GET ${API}/users/sessions`]: { session_id: "items.find((session) => !session.current && session.user_agent?.startsWith('Postman'))?.id" },
  [`GET ${API}/profile`]: { caller_time_zone: "time_zone" },
  [`POST ${API}/tokens`]: { token_id: "id" },
  [`POST ${API}/profile/filters`]: { filter_id: "id" },
  [`POST ${API}/invitations`]: { invitation_id: "id" },
  [`POST ${API}/users`]: { user_id: "id" },
  [`POST ${API}/teams`]: { team_id: "id" },
  [`POST ${API}/tasks`]: { task_id: "id" },
  [`POST ${API}/tasks/bulk`]: { other_task_id: "outcomes[0].id" },
  [`POST ${TASK}/checklist`]: { item_id: "checklist[0].id" },
  [`POST ${API}/webhooks`]: { webhook_id: "id" },
  [`POST ${WEBHOOK}/test`]: { delivery_id: "id" },
};

/** What is in a path where no request has left it. */
export const IN_PATHS = { provider: "company", version: "1", identity_id: "{{$guid}}" };

/**
 * Whom a request is about that names a person: the caller, who is there from the beginning; in the folder of people the one who was made
 * there, as accounts are closed and erased in it.
 */
export const whom = (folder) => (folder === "users" ? "user_id" : "caller_id");

const DEADLINE = "{{in_a_week}}";
const SOMEBODY = "{{$guid}}@example.com";
const FILTER = { name: "Late and critical", filter: { overdue: true, priority: "critical" } };
const BLOCKER = { kind: "blocked_by", task_id: "{{other_task_id}}" };
const BACK_AT = { redirect_uri: "http://localhost:7070/signed-in" };
const BACK_WITH = { code: "{{code}}", state: "{{state}}", binding: "{{binding}}" };
const TOLD = ["inbox", "email", "push"];
const AT_FIRST = {
  channels: {
    assignment: TOLD,
    status_change: ["inbox"],
    comment: ["inbox"],
    mention: TOLD,
    deadline_near: TOLD,
    deadline_missed: TOLD,
    hold: ["inbox"],
  },
  quiet_hours: null,
  digest: { frequency: "off", at: "08:00" },
};

/** The fields of a body beside those that must be there, or with other words than those that fit most. */
export const SAYS = {
  [`POST ${API}/tokens`]: { name: "Nightly report", expires_at: DEADLINE },
  [`PUT ${API}/profile`]: { time_zone: "{{caller_time_zone}}" },
  // The present one is refused: another would be in nobody's environment.
  [`PUT ${API}/profile/password`]: { new_password: "{{password}}" },
  [`PUT ${API}/profile/notification-preferences`]: AT_FIRST,
  [`POST ${OUTSIDE}/{provider}/begin`]: BACK_AT,
  [`POST ${OUTSIDE}/{provider}/finish`]: BACK_WITH,
  [`POST ${API}/profile/filters`]: FILTER,
  [`PUT ${API}/profile/filters/{filter_id}`]: FILTER,
  [`POST ${API}/invitations`]: { email: SOMEBODY, role: "member", teams: [] },
  [`POST ${API}/users`]: { name: "Ada Adeyemi", email: SOMEBODY, password: "{{$guid}}", role: "member" },
  [`PUT ${USER}`]: { phone: "+49 30 1234567" },
  [`POST ${USER}/erase`]: { confirm: "{{user_id}}" },
  [`POST ${USER}/reactivate`]: { password: "{{$guid}}" },
  [`POST ${USER}/reassign`]: { to: "{{caller_id}}" },
  [`PUT ${API}/teams/{team_id}`]: { description: "Lifts and escalators, north of the river" },
  [`POST ${API}/tasks`]: { priority: "high", labels: ["lift"], team_id: "{{team_id}}", deadline: DEADLINE },
  [`PUT ${TASK}`]: { priority: "critical", location: { name: "Gate 5" } },
  [`POST ${API}/tasks/bulk`]: { tasks: [{ title: "Order a relay" }, { title: "Tell the neighbours", labels: ["lift"] }] },
  [`PATCH ${API}/tasks/bulk`]: { tasks: [{ id: "{{other_task_id}}", changes: { priority: "low" } }] },
  [`POST ${TASK}/assign`]: { assignee_id: "{{caller_id}}" },
  [`POST ${TASK}/status`]: { status: "in_progress" },
  [`PUT ${TASK}/checklist/{item_id}`]: { done: true },
  [`POST ${TASK}/comments`]: { text: "The relay is here" },
  [`POST ${TASK}/resume`]: { reason: "The relay is here" },
  [`POST ${TASK}/position`]: { before: "{{other_task_id}}" },
  [`PUT ${TASK}/recurrence`]: { frequency: "weekly", weekdays: ["monday", "friday"] },
  [`POST ${TASK}/relations`]: BLOCKER,
  [`DELETE ${TASK}/relations`]: BLOCKER,
  [`POST ${API}/imports`]: { content: "title,priority\nOil the doors,low\n" },
  [`POST ${API}/webhooks`]: { event_types: ["TaskCreated", "TaskStatusChanged"] },
  [`PUT ${WEBHOOK}`]: { event_types: ["TaskCreated"] },
  [`POST ${API}/users/signup`]: { name: "Grace Okafor", email: SOMEBODY },
  [`POST ${API}/users/oidc/{provider}/begin`]: BACK_AT,
  [`POST ${API}/users/oidc/{provider}/finish`]: BACK_WITH,
  [`POST ${API}/users/login/second-factor`]: { code: "123456" },
  [`POST ${API}/users/refresh`]: { refresh_token: "{{refresh_token}}" },
  [`POST ${API}/refresh`]: { refresh_token: "{{refresh_token}}" },
};

const ISSUER = "an outside issuer, which the operator names";
const DEVICE = "a code of a second factor, which a person's device shows";
const LETTER = "a letter, and the mail server that sends it";

/** What is refused in a run of the whole, or may be, because it needs what the run does not have. */
export const NEEDS = {
  [`POST ${FACTOR}`]: "tries at a password, of which there are five in a quarter of an hour",
  [`DELETE ${OUTSIDE}/{identity_id}`]: ISSUER,
  [`POST ${OUTSIDE}/{provider}/begin`]: ISSUER,
  [`POST ${OUTSIDE}/{provider}/finish`]: ISSUER,
  [`POST ${API}/users/oidc/{provider}/begin`]: ISSUER,
  [`POST ${API}/users/oidc/{provider}/finish`]: ISSUER,
  [`POST ${FACTOR}/confirm`]: DEVICE,
  [`POST ${FACTOR}/recovery-codes`]: DEVICE,
  [`DELETE ${FACTOR}`]: DEVICE,
  [`POST ${API}/users/login/second-factor`]: DEVICE,
  [`POST ${API}/users/password-reset`]: LETTER,
  [`POST ${API}/users/password-reset/confirm`]: LETTER,
  [`PUT ${API}/profile/password`]: "another password, which would be in nobody's environment",
  [`DELETE ${USER}/tokens/{token_id}`]: "a token that somebody else has made",
  [`GET ${TASK}/logs/latest`]: "the log, which is written in a moment",
  [`GET ${TASK}/history/{version}/proof`]: "a digest, which is taken each hour",
};
