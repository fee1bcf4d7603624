// The walk with which the collection begins: somebody signs in, reports a task, works on it, and reads who did what.

const ASKED = [
  "postman_environment.json has the address and the sign-in: put in your password, which is not the one that the first start of Muster",
  "printed: that one is for choosing another (PUT /profile/password).",
];

/** One request of the walk, and what must be true of its answer. */
function step(name, method, path, { body, headers = {}, open = false, tests }) {
  const url = { raw: `{{baseUrl}}${path}`, host: ["{{baseUrl}}"], path: path.slice(1).split("?")[0].split("/") };
  const query = path.split("?")[1]?.split("&").map((pair) => pair.split("="));
  if (query) url.query = query.map(([key, value]) => ({ key, value }));
  const header = Object.entries(headers).map(([key, value]) => ({ key, value }));
  const request = { method, header, url };
  if (open) request.auth = { type: "noauth" };
  if (body) {
    header.push({ key: "Content-Type", value: "application/json" });
    request.body = { mode: "raw", raw: JSON.stringify(body, null, 2), options: { raw: { language: "json" } } };
  }
  return { name, event: [{ listen: "test", script: { type: "text/javascript", exec: tests } }], request };
}

const is = (status) => `pm.test("the answer is ${status}", () => pm.response.to.have.status(${status}));`;
const shows = (field, value) => `pm.test("${field} is ${value}", () => pm.expect(pm.response.json().${field}).to.eql(${JSON.stringify(value)}));`;

const signedIn = [
  is(200),
  'pm.collectionVariables.set("access_token", pm.response.json().access_token);',
  'pm.collectionVariables.set("refresh_token", pm.response.json().refresh_token);',
  'pm.collectionVariables.set("caller_id", pm.response.json().user_id);',
];
const reported = [
  is(201),
  shows("status", "todo"),
  'pm.test("its ETag is its version", () => pm.response.to.have.header("ETag", \'"1"\'));',
  'pm.collectionVariables.set("task_id", pm.response.json().id);',
];
// What was written shows in the log in a moment: until then, the request is sent again.
const logged = [
  is(200),
  'const looks = (pm.collectionVariables.get("looks") ?? 0) + 1;',
  'pm.collectionVariables.set("looks", looks);',
  'if (pm.response.json().items.length < 5 && looks < 100) {',
  '  pm.execution.setNextRequest(pm.info.requestName);',
  '  setTimeout(() => {}, 100);',
  '  return;',
  '}',
  'pm.collectionVariables.unset("looks");',
  'pm.test("everything that happened is there, newest first", () => pm.expect(pm.response.json().items.map((entry) => entry.type)).to.eql(["TaskStatusChanged", "TaskResumed", "TaskHeld", "TaskStatusChanged", "TaskCreated"]));',
  'pm.test("and who did it", () => pm.expect(pm.response.json().items[0].actor.id).to.eql(pm.collectionVariables.get("caller_id")));',
];
const chained = [
  is(200),
  'const commits = pm.response.json().items;',
  'pm.test("each commit names the hash of the one before", () => commits.slice(1).forEach((commit, n) => pm.expect(commit.prev_hash).to.eql(commits[n].hash)));',
];

const TASK = "/api/v1/tasks/{{task_id}}";
const key = { "Idempotency-Key": "{{$guid}}" };

export const walk = {
  name: "A walk",
  description: ["Sign in, report a task, work on it, and read who did what.", ...ASKED].join(" "),
  item: [
    step("Sign in", "POST", "/api/v1/users/login", { open: true, body: { email: "{{email}}", password: "{{password}}" }, tests: signedIn }),
    step("Report a task", "POST", "/api/v1/tasks", { headers: key, body: { title: "Lift 7 does not stop at floor 3", priority: "high", labels: ["lift"] }, tests: reported }),
    step("Begin", "POST", `${TASK}/status`, { headers: { ...key, "If-Match": '"1"' }, body: { status: "in_progress" }, tests: [is(200), shows("status", "in_progress")] }),
    step("Wait for a relay", "POST", `${TASK}/hold`, { headers: key, body: { reason: "waiting for a relay" }, tests: [is(200), shows("hold.reason", "waiting for a relay")] }),
    step("It cannot be completed while it waits", "POST", `${TASK}/status`, { headers: key, body: { status: "completed" }, tests: [is(409), shows("code", "task_on_hold")] }),
    step("Go on", "POST", `${TASK}/resume`, { headers: key, body: { reason: "the relay is here" }, tests: [is(200), shows("hold", null)] }),
    step("Nobody overwrites what they have not seen", "POST", `${TASK}/status`, { headers: { ...key, "If-Match": '"1"' }, body: { status: "completed" }, tests: [is(412), shows("code", "stale_version")] }),
    step("Complete it", "POST", `${TASK}/status`, { headers: key, body: { status: "completed" }, tests: [is(200), shows("status", "completed")] }),
    step("What it was at first", "GET", `${TASK}?as_of=1`, { tests: [is(200), shows("status", "todo")] }),
    step("Who did what", "GET", `${TASK}/logs`, { tests: logged }),
    step("What was recorded, with its hashes", "GET", `${TASK}/history`, { tests: chained }),
  ],
};
