"""What schemathesis is told of Muster: what a run must not do to itself, what no schema can say, what every problem has."""

import json
import os
import re

import schemathesis

# What the document says of the headers whose values are made up whatever it says: entity tags, and the longest values.
AS_DOCUMENTED = {
    "If-Match": re.compile(r'\*|"[0-9]{1,19}"'),
    "Muster-Min-Version": re.compile(r"[0-9]{1,19}|task#[0-9a-f-]{36}@[0-9]{1,15}(,task#[0-9a-f-]{36}@[0-9]{1,15}){0,9}"),
}

# The account and the session of whoever asks.
OWN = {os.environ[name] for name in ("MUSTER_CALLER", "MUSTER_SESSION") if name in os.environ}

# Rules that JSON Schema has no words for: a valid value may still be refused for them, and the problem says so.
UNSPEAKABLE = {
    "/time_zone",  # a name that the IANA database has
    "/email",  # what mail servers take is narrower than the format
    "/password",  # not one of the most common
    "/new_password",  # likewise
    "/current_password",  # the one that it is
    "/redirect_uri",  # one that the operator has named
    "/role",  # whoever signs up gives themselves none, unless an invitation says it
    "/refresh_token",  # left out only where there is a cookie instead
    "/assignee_id",  # somebody who is there
    "/team_id",  # a team that is there
    "/teams",  # teams that are there
    "/to",  # somebody else who is there
    "/confirm",  # the id of the account in the path
    "/code",  # it or a recovery code, not both
    "/expires_at",  # in the future, and within a year
    "/deadline",  # no leap second
    "/filter/due_after",  # likewise
    "/filter/due_before",  # likewise
    "due_after",  # likewise
    "due_before",  # likewise
    "/quiet_hours/to",  # another time than the one at which they begin
    "/labels",  # after what is alike is put together
    "/url",  # an https URL of a public host
    "/event_types",  # types of events that there are
    "type",  # likewise
    "cursor",  # one that was given out
    "after",  # likewise
    "as_of",  # a time or a version
    "filter_id",  # a filter that the caller has saved
    "/task_id",  # a task that is there, and another one
    "/after",  # a task that is there; it or the one before, or both
    "/before",  # likewise; of reminders, a duration within a year
    "/content",  # it or content_base64
    "/content_base64",  # likewise
    "/delimiter",  # nothing that a value may be made of
    "/weekdays",  # of a weekly rule alone
    "/day",  # of a monthly or yearly rule alone
    "/month",  # of a yearly rule alone
    "/count",  # it or until
    "/until",  # likewise
    "task_id",  # one of the three at most
    "user_id",  # likewise
    "team_id",  # likewise
    "day",  # it, or a range
    "from",  # not after the end of the range
    "to",  # likewise
}


@schemathesis.hook
def filter_case(context, case):
    """The caller's own account and session stay, or the rest of the run asks nothing."""
    return case.method != "DELETE" or OWN.isdisjoint((case.path_parameters or {}).values())


@schemathesis.hook
def filter_failure(context, failure, case, response):
    """A refusal for a rule that no schema can say is no failure, nor is an answer that says of each of many what is wrong with it."""
    if type(failure).__name__ == "AcceptedNegativeData" and case.operation.path.endswith("/tasks/bulk"):
        outcomes = json.loads(response.content)["outcomes"]
        return not any(outcome["status"] in (404, 422) for outcome in outcomes)
    if type(failure).__name__ != "RejectedPositiveData":
        return True
    problem = json.loads(response.content)
    if problem["code"] == "idempotency_key_reused":
        return False
    if problem["code"] == "invalid_header":
        sent = case.headers or {}
        return all(form.fullmatch(sent[name]) for name, form in AS_DOCUMENTED.items() if name in sent)
    if problem["code"] != "invalid_request":
        return True
    places = {error.get("pointer", error.get("parameter")) for error in problem.get("errors", [])}
    # Of a list, the rule is the same for each entry.
    return not {re.sub(r"/[0-9]+$", "", place) for place in places} <= UNSPEAKABLE


@schemathesis.check
def problems_are_as_documented(ctx, response, case):
    """Every problem is of RFC 9457, with a code that the document names for this route and status."""
    if response.status_code < 400:
        return
    problem = json.loads(response.content)
    code = problem["code"]
    assert problem["status"] == response.status_code, f"the status of the problem is {problem['status']}"
    assert problem["type"] == f"urn:muster:problem:{code}", f"the type is {problem['type']}"
    if code == "invalid_request":
        assert problem.get("errors"), "invalid_request names what is wrong"
    if code == "method_not_allowed" or case.operation.method.upper() != case.method.upper():
        return
    documented = case.operation.definition.raw["responses"].get(str(response.status_code), {})
    named = re.findall(r"`(\w+)`", documented.get("description", ""))
    assert code in named, f"the document does not name {code} for {response.status_code}: {named}"


@schemathesis.check
def the_tag_is_the_version(ctx, response, case):
    """What has a version has it as its entity tag, too."""
    if response.status_code not in (200, 201):
        return
    try:
        body = json.loads(response.content)
    except ValueError:
        return
    if isinstance(body, dict) and "version" in body and "etag" in response.headers:
        assert response.headers["etag"] == [f'"{body["version"]}"'], f"{response.headers['etag']} for version {body['version']}"
