//! Every route, with a body that it takes and the test that shows what it does. A route without a line here fails.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::support::nobody;
use crate::{
    access_log, api_tokens, audit, audit_exports, digests, erasure, exports, feed, imports, invitations, log_in, logs,
    notification_preferences, oidc, password_resets, passwords, profile, proving, reactivating, reassigning, recurring,
    reminders, saved_filters, second_factors, sessions, sign_up, signed_in, system, task_as_of, task_board, task_bulk,
    task_changes, task_checklists, task_life, task_lists,
};
use crate::{task_moves, task_relations, task_reports, task_watchers, teams, user_changes, users, webhooks};

/// One route.
pub(crate) struct Route {
    pub(crate) method: &'static str,
    pub(crate) path: &'static str,
    /// A body that it takes, if it takes one.
    pub(crate) body: Option<&'static str>,
    /// Whether it asks who calls.
    pub(crate) open: bool,
    /// The test that shows what it does when all is well. That it is here means that it is there.
    _shown_by: fn(),
}

impl Route {
    /// The path with this in the place of every id.
    pub(crate) fn at(&self, id: &str) -> String {
        let parts = self.path.split('/').map(|part| match part {
            "{version}" => "1",
            id_of if id_of.starts_with('{') => id,
            word => word,
        });
        parts.collect::<Vec<_>>().join("/")
    }

    /// Whether its path names something by its id.
    pub(crate) fn has_id(&self) -> bool {
        self.path.contains('{')
    }

    /// Whether it changes one task that is there.
    pub(crate) fn is_of_a_task(&self) -> bool {
        self.path.contains("{task_id}")
    }
}

const fn route(method: &'static str, path: &'static str, body: Option<&'static str>, shown_by: fn()) -> Route {
    Route { method, path, body, open: false, _shown_by: shown_by }
}

const fn open(method: &'static str, path: &'static str, body: Option<&'static str>, shown_by: fn()) -> Route {
    Route { method, path, body, open: true, _shown_by: shown_by }
}

const USER: Option<&str> = Some(r#"{"name":"Ada","email":"ada@example.com","password":"a passphrase for tests"}"#);
const IMPORT: Option<&str> = Some(r#"{"mode":"preview","content":"title\nFix the door\n"}"#);
const LOGIN: Option<&str> = Some(r#"{"email":"ada@example.com","password":"a passphrase for tests"}"#);
const PASSWORDS: Option<&str> =
    Some(r#"{"current_password":"no passphrase of mine","new_password":"another passphrase for tests"}"#);
const MY_PASSWORD: Option<&str> = Some(r#"{"password":"a passphrase for tests"}"#);
const HOOK: Option<&str> = Some(r#"{"url":"https://hooks.example.com/muster","event_types":["UserErased"]}"#);
const CODE: Option<&str> = Some(r#"{"code":"000000"}"#);
const PROOF: Option<&str> = Some(r#"{"password":"a passphrase for tests","code":"000000"}"#);
const CHALLENGE: Option<&str> = Some(r#"{"challenge":"none","code":"000000"}"#);
const TOKEN: Option<&str> = Some(r#"{"name":"Nightly report","scopes":["tasks:read"]}"#);
const RETURN: Option<&str> = Some(r#"{"code":"none","state":"none"}"#);
const NOTHING: Option<&str> = Some("{}");
const EMAIL: Option<&str> = Some(r#"{"email":"ada@example.com"}"#);
const RESET: Option<&str> = Some(r#"{"token":"none","new_password":"another passphrase for tests"}"#);
const REFRESH: Option<&str> = Some(r#"{"refresh_token":"none"}"#);
const ERASE: Option<&str> = Some(r#"{"confirm":"00000000-0000-0000-0000-000000000001"}"#);
const NAME: Option<&str> = Some(r#"{"name":"Ada"}"#);
const TOLD: Option<&str> = Some(
    r#"{"channels":{"assignment":["email"],"status_change":[],"comment":[],"mention":["inbox"],"deadline_near":["push"],
    "deadline_missed":["sms"],"hold":[]},"quiet_hours":{"from":"22:00","to":"06:30","except_critical":true},
    "digest":{"frequency":"daily","at":"17:45"}}"#,
);
const FILTER: Option<&str> = Some(r#"{"name":"Late","filter":{"overdue":true}}"#);
const TASK: Option<&str> = Some(r#"{"title":"Check the lift"}"#);
const REASSIGN: Option<&str> = Some(r#"{"to":null}"#);
const ASSIGN: Option<&str> = Some(r#"{"assignee_id":null}"#);
const STATUS: Option<&str> = Some(r#"{"status":"in_progress"}"#);
const DEADLINE: Option<&str> = Some(r#"{"deadline":"2040-01-01T00:00:00Z"}"#);
const RECURRENCE: Option<&str> = Some(r#"{"frequency":"daily","time":"09:30","time_zone":"Europe/Berlin"}"#);
const REMINDERS: Option<&str> = Some(r#"{"before":["PT1H","P1D"]}"#);
const REASON: Option<&str> = Some(r#"{"reason":"no spare part"}"#);
const ITEM: Option<&str> = Some(r#"{"text":"Switch the current off"}"#);
const TICK: Option<&str> = Some(r#"{"done":true}"#);
const TASKS: Option<&str> = Some(r#"{"tasks":[{"title":"Check the lift"}]}"#);
const CHANGES: Option<&str> = Some(r#"{"tasks":[{"id":"00000000-0000-0000-0000-000000000001","changes":{}}]}"#);
const POSITION: Option<&str> = Some(r#"{"after":"00000000-0000-0000-0000-000000000001"}"#);
const RELATION: Option<&str> = Some(r#"{"kind":"child_of","task_id":"00000000-0000-0000-0000-000000000001"}"#);
const COMMENT: Option<&str> = Some(r#"{"text":"The key is at the desk."}"#);

pub(crate) const ROUTES: &[Route] = &[
    open("POST", "/api/v1/users/signup", USER, sign_up::whoever_signs_up_is_a_member_and_can_sign_in),
    open("GET", "/api/v1/users/signup", None, sign_up::where_nobody_signs_up_the_policy_says_so),
    open("POST", "/api/v1/users/login", LOGIN, log_in::the_right_password_gives_tokens),
    open("POST", "/api/v1/login", LOGIN, log_in::the_short_path_gives_tokens_too),
    open(
        "POST",
        "/api/v1/users/login/second-factor",
        CHALLENGE,
        second_factors::password_and_code_sign_in_and_each_code_does_so_once,
    ),
    route(
        "GET",
        "/api/v1/profile/second-factor",
        None,
        second_factors::the_state_tells_how_many_recovery_codes_are_left_and_each_is_good_once,
    ),
    route(
        "POST",
        "/api/v1/profile/second-factor",
        MY_PASSWORD,
        second_factors::a_second_factor_is_asked_for_once_it_is_confirmed,
    ),
    route(
        "POST",
        "/api/v1/profile/second-factor/confirm",
        CODE,
        second_factors::a_second_factor_is_asked_for_once_it_is_confirmed,
    ),
    route(
        "POST",
        "/api/v1/profile/second-factor/recovery-codes",
        PROOF,
        second_factors::new_recovery_codes_take_the_place_of_the_old_ones,
    ),
    route(
        "DELETE",
        "/api/v1/profile/second-factor",
        PROOF,
        second_factors::only_password_and_code_together_take_it_away,
    ),
    route(
        "DELETE",
        "/api/v1/users/{user_id}/second-factor",
        None,
        second_factors::an_administrator_takes_it_off_the_account_of_somebody_who_has_lost_it,
    ),
    open("GET", "/api/v1/users/oidc", None, oidc::sign_ins::the_issuers_are_listed_for_the_sign_in_page),
    open(
        "POST",
        "/api/v1/users/oidc/{provider}/begin",
        NOTHING,
        oidc::sign_ins::each_sign_in_is_begun_with_what_no_other_has,
    ),
    open(
        "POST",
        "/api/v1/users/oidc/{provider}/finish",
        RETURN,
        oidc::sign_ins::the_first_sign_in_makes_an_account_and_the_second_finds_it,
    ),
    route(
        "GET",
        "/api/v1/profile/outside-identities",
        None,
        oidc::links::whoever_links_who_they_are_there_signs_in_with_it,
    ),
    route(
        "POST",
        "/api/v1/profile/outside-identities/{provider}/begin",
        MY_PASSWORD,
        oidc::links::whoever_links_who_they_are_there_signs_in_with_it,
    ),
    route(
        "POST",
        "/api/v1/profile/outside-identities/{provider}/finish",
        RETURN,
        oidc::links::whoever_links_who_they_are_there_signs_in_with_it,
    ),
    route(
        "DELETE",
        "/api/v1/profile/outside-identities/{identity_id}",
        None,
        oidc::links::a_link_that_is_taken_away_opens_nothing_any_more,
    ),
    open(
        "POST",
        "/api/v1/users/password-reset",
        EMAIL,
        password_resets::whoever_forgot_their_password_gets_a_letter_with_a_link_that_is_good_once,
    ),
    open(
        "POST",
        "/api/v1/users/password-reset/confirm",
        RESET,
        password_resets::whoever_forgot_their_password_gets_a_letter_with_a_link_that_is_good_once,
    ),
    route(
        "POST",
        "/api/v1/invitations",
        EMAIL,
        invitations::whoever_is_invited_gets_a_letter_and_signs_up_as_the_invitation_says,
    ),
    route("GET", "/api/v1/invitations", None, invitations::the_list_has_the_invitations_that_nobody_has_taken),
    route(
        "DELETE",
        "/api/v1/invitations/{invitation_id}",
        None,
        invitations::an_invitation_that_is_withdrawn_is_good_for_nothing,
    ),
    open("POST", "/api/v1/users/refresh", REFRESH, sessions::a_refresh_gives_new_tokens),
    open("POST", "/api/v1/refresh", REFRESH, sessions::the_short_path_refreshes_too),
    route("POST", "/api/v1/users/logout", None, sessions::after_a_log_out_nothing_of_the_session_is_good),
    route("POST", "/api/v1/logout", None, sessions::the_short_path_logs_out_too),
    route("GET", "/api/v1/users/sessions", None, signed_in::people_see_where_they_are_signed_in_those_used_last_first),
    route(
        "DELETE",
        "/api/v1/users/sessions/{session_id}",
        None,
        signed_in::a_session_that_is_ended_is_out_at_the_next_request,
    ),
    route(
        "GET",
        "/api/v1/users/{user_id}/sessions",
        None,
        signed_in::an_administrator_sees_where_somebody_is_signed_in_and_signs_them_out,
    ),
    route(
        "DELETE",
        "/api/v1/users/{user_id}/sessions",
        None,
        signed_in::an_administrator_sees_where_somebody_is_signed_in_and_signs_them_out,
    ),
    route("POST", "/api/v1/tokens", TOKEN, api_tokens::a_token_is_shown_once_and_calls_in_its_owners_name),
    route("GET", "/api/v1/tokens", None, api_tokens::people_see_their_tokens_newest_first_and_what_they_are_for),
    route("DELETE", "/api/v1/tokens/{token_id}", None, api_tokens::a_revoked_token_is_refused_at_the_next_request),
    route(
        "GET",
        "/api/v1/users/{user_id}/tokens",
        None,
        api_tokens::an_administrator_sees_somebodys_tokens_and_revokes_them,
    ),
    route(
        "DELETE",
        "/api/v1/users/{user_id}/tokens/{token_id}",
        None,
        api_tokens::an_administrator_sees_somebodys_tokens_and_revokes_them,
    ),
    route(
        "POST",
        "/api/v1/users/reauthenticate",
        MY_PASSWORD,
        proving::what_decides_who_signs_in_needs_a_proof_that_is_not_old,
    ),
    route(
        "PUT",
        "/api/v1/profile/password",
        PASSWORDS,
        passwords::whoever_knows_their_password_changes_it_and_their_other_sessions_end,
    ),
    route("POST", "/api/v1/users", USER, users::an_administrator_makes_an_account_of_any_role),
    route("GET", "/api/v1/users", None, users::the_list_tells_who_there_is),
    route("GET", "/api/v1/users/{user_id}", None, users::anybody_may_see_who_somebody_is_but_not_how_to_reach_them),
    route("PUT", "/api/v1/users/{user_id}", NAME, user_changes::an_administrator_changes_any_account),
    route("DELETE", "/api/v1/users/{user_id}", None, user_changes::a_closed_account_is_out_at_once),
    route(
        "POST",
        "/api/v1/users/{user_id}/reassign",
        REASSIGN,
        reassigning::the_open_tasks_of_a_closed_account_are_listed_and_given_to_somebody_else,
    ),
    route(
        "POST",
        "/api/v1/users/{user_id}/reactivate",
        NOTHING,
        reactivating::an_account_that_is_opened_again_is_what_it_was_with_a_new_password,
    ),
    route("GET", "/api/v1/profile/export", None, exports::people_get_all_that_is_held_of_them),
    route("GET", "/api/v1/users/{user_id}/export", None, exports::an_administrator_gets_what_is_held_of_somebody),
    route("POST", "/api/v1/users/{user_id}/erase", ERASE, erasure::of_who_is_erased_nothing_personal_is_left),
    route("GET", "/api/v1/profile", None, profile::the_profile_is_the_callers_own_account),
    route("PUT", "/api/v1/profile", NAME, profile::people_change_their_own_account),
    route(
        "GET",
        "/api/v1/profile/notification-preferences",
        None,
        notification_preferences::whoever_has_chosen_nothing_is_told_by_default,
    ),
    route(
        "PUT",
        "/api/v1/profile/notification-preferences",
        TOLD,
        notification_preferences::people_choose_what_they_are_told_by_which_channels_and_when,
    ),
    route(
        "POST",
        "/api/v1/profile/filters",
        FILTER,
        saved_filters::filters_are_saved_listed_read_saved_anew_and_removed,
    ),
    route("GET", "/api/v1/profile/filters", None, saved_filters::a_saved_filter_lists_what_it_is_for),
    route(
        "GET",
        "/api/v1/profile/filters/{filter_id}",
        None,
        saved_filters::filters_are_saved_listed_read_saved_anew_and_removed,
    ),
    route(
        "PUT",
        "/api/v1/profile/filters/{filter_id}",
        FILTER,
        saved_filters::filters_are_saved_listed_read_saved_anew_and_removed,
    ),
    route(
        "DELETE",
        "/api/v1/profile/filters/{filter_id}",
        None,
        saved_filters::filters_are_saved_listed_read_saved_anew_and_removed,
    ),
    route("POST", "/api/v1/teams", NAME, teams::an_administrator_founds_a_team),
    route("GET", "/api/v1/teams", None, teams::the_list_has_each_team_once_by_name),
    route("GET", "/api/v1/teams/{team_id}", None, teams::anybody_may_see_a_team),
    route("PUT", "/api/v1/teams/{team_id}", NAME, teams::an_administrator_changes_a_team),
    route("GET", "/api/v1/teams/{team_id}/members", None, teams::members_are_listed_by_name),
    route("PUT", "/api/v1/teams/{team_id}/members/{user_id}", None, teams::joining_twice_is_joining_once),
    route("DELETE", "/api/v1/teams/{team_id}/members/{user_id}", None, teams::leaving_twice_is_leaving_once),
    route("POST", "/api/v1/tasks", TASK, task_reports::a_reported_task_is_as_it_was_told),
    route("POST", "/api/v1/imports", IMPORT, imports::a_file_is_looked_at_and_then_brought_in),
    route("POST", "/api/v1/tasks/bulk", TASKS, task_bulk::each_task_to_be_has_its_own_outcome),
    route("PATCH", "/api/v1/tasks/bulk", CHANGES, task_bulk::each_change_has_its_own_outcome),
    route("GET", "/api/v1/tasks", None, task_lists::a_member_sees_what_they_reported_and_what_they_do),
    route("GET", "/api/v1/tasks/{task_id}", None, task_as_of::a_task_is_read_with_every_key),
    route("PUT", "/api/v1/tasks/{task_id}", TASK, task_changes::all_that_is_named_changes_and_nothing_else),
    route("DELETE", "/api/v1/tasks/{task_id}", None, task_life::a_deleted_task_is_in_no_list_and_can_be_restored),
    route("POST", "/api/v1/tasks/{task_id}/assign", ASSIGN, task_moves::a_task_is_given_to_somebody_and_to_nobody),
    route("POST", "/api/v1/tasks/{task_id}/status", STATUS, task_moves::a_task_goes_on_to_completion_and_back),
    route("POST", "/api/v1/tasks/{task_id}/deadline", DEADLINE, task_changes::a_deadline_is_set_and_moved),
    route("DELETE", "/api/v1/tasks/{task_id}/deadline", None, task_changes::a_deadline_is_cleared),
    route(
        "PUT",
        "/api/v1/tasks/{task_id}/recurrence",
        RECURRENCE,
        recurring::what_comes_after_a_task_that_is_done_is_the_same_and_due_by_the_rule,
    ),
    route("DELETE", "/api/v1/tasks/{task_id}/recurrence", None, recurring::without_a_rule_none_comes_after_it),
    route("PUT", "/api/v1/tasks/{task_id}/reminders", REMINDERS, reminders::reminders_are_set_and_taken_away),
    route("POST", "/api/v1/tasks/{task_id}/hold", REASON, task_moves::a_held_task_waits_until_it_is_resumed),
    route("POST", "/api/v1/tasks/{task_id}/resume", REASON, task_moves::a_held_task_waits_until_it_is_resumed),
    route("POST", "/api/v1/tasks/{task_id}/comments", COMMENT, task_life::a_comment_is_counted_and_logged),
    route("POST", "/api/v1/tasks/{task_id}/restore", None, task_life::a_deleted_task_is_in_no_list_and_can_be_restored),
    route("POST", "/api/v1/tasks/{task_id}/checklist", ITEM, task_checklists::a_checklist_is_made_ticked_and_reordered),
    route(
        "PUT",
        "/api/v1/tasks/{task_id}/checklist/{item_id}",
        TICK,
        task_checklists::a_checklist_is_made_ticked_and_reordered,
    ),
    route(
        "DELETE",
        "/api/v1/tasks/{task_id}/checklist/{item_id}",
        None,
        task_checklists::a_checklist_is_made_ticked_and_reordered,
    ),
    route("PUT", "/api/v1/tasks/{task_id}/watchers/{user_id}", None, task_watchers::people_watch_what_they_may_see),
    route("DELETE", "/api/v1/tasks/{task_id}/watchers/{user_id}", None, task_watchers::people_watch_what_they_may_see),
    route("GET", "/api/v1/tasks/board", None, task_board::a_board_has_columns_in_the_order_that_people_make),
    route(
        "POST",
        "/api/v1/tasks/{task_id}/position",
        POSITION,
        task_board::a_board_has_columns_in_the_order_that_people_make,
    ),
    route(
        "POST",
        "/api/v1/tasks/{task_id}/relations",
        RELATION,
        task_relations::each_relation_is_seen_from_both_sides_until_it_is_taken_away,
    ),
    route(
        "DELETE",
        "/api/v1/tasks/{task_id}/relations",
        RELATION,
        task_relations::each_relation_is_seen_from_both_sides_until_it_is_taken_away,
    ),
    route(
        "GET",
        "/api/v1/tasks/{task_id}/relations",
        None,
        task_relations::each_relation_is_seen_from_both_sides_until_it_is_taken_away,
    ),
    route("GET", "/api/v1/tasks/{task_id}/logs", None, logs::the_log_tells_who_did_what_newest_first),
    route("GET", "/api/v1/tasks/{task_id}/logs/latest", None, logs::the_latest_entry_is_the_last_thing_that_happened),
    route("GET", "/api/v1/tasks/{task_id}/history", None, logs::the_raw_history_verifies),
    route(
        "GET",
        "/api/v1/tasks/{task_id}/history/{version}/proof",
        None,
        digests::an_event_is_proven_to_whoever_may_see_the_history,
    ),
    route("GET", "/api/v1/audit/digests", None, digests::digests_are_listed_newest_first_and_point_back),
    open("GET", "/api/v1/audit/digests/key", None, digests::an_event_is_proven_to_whoever_may_see_the_history),
    route("GET", "/api/v1/audit", None, audit::the_audit_is_searched_by_actor_type_day_and_task),
    route("GET", "/api/v1/audit/export", None, audit_exports::the_audit_is_taken_out_line_by_line_as_it_is_searched),
    route("GET", "/api/v1/audit/access/export", None, audit_exports::the_access_log_is_taken_out_too),
    route("GET", "/api/v1/audit/access", None, access_log::a_sign_in_and_a_sign_out_are_in_the_access_log),
    route("GET", "/api/v1/feed", None, feed::a_reader_gets_every_event_of_a_task_in_order_and_goes_on_where_it_was),
    route("POST", "/api/v1/webhooks", HOOK, webhooks::an_administrator_sets_up_a_webhook_and_its_receiver_is_told),
    route("GET", "/api/v1/webhooks", None, webhooks::a_webhook_is_shown_without_its_secret_and_changed_as_a_whole),
    route(
        "GET",
        "/api/v1/webhooks/{webhook_id}",
        None,
        webhooks::a_webhook_is_shown_without_its_secret_and_changed_as_a_whole,
    ),
    route(
        "PUT",
        "/api/v1/webhooks/{webhook_id}",
        HOOK,
        webhooks::a_webhook_is_shown_without_its_secret_and_changed_as_a_whole,
    ),
    route(
        "DELETE",
        "/api/v1/webhooks/{webhook_id}",
        None,
        webhooks::an_administrator_sets_up_a_webhook_and_its_receiver_is_told,
    ),
    route(
        "POST",
        "/api/v1/webhooks/{webhook_id}/secret",
        None,
        webhooks::an_administrator_sets_up_a_webhook_and_its_receiver_is_told,
    ),
    route(
        "POST",
        "/api/v1/webhooks/{webhook_id}/test",
        None,
        webhooks::an_administrator_sets_up_a_webhook_and_its_receiver_is_told,
    ),
    route(
        "GET",
        "/api/v1/webhooks/{webhook_id}/deliveries",
        None,
        webhooks::a_receiver_that_is_away_is_in_the_log_and_is_tried_again,
    ),
    route(
        "POST",
        "/api/v1/webhooks/{webhook_id}/deliveries/{delivery_id}/replay",
        None,
        webhooks::an_administrator_sets_up_a_webhook_and_its_receiver_is_told,
    ),
    open("GET", "/healthz", None, system::it_is_healthy_and_ready),
    open("GET", "/readyz", None, system::it_is_healthy_and_ready),
    open("GET", "/openapi.json", None, system::the_document_is_openapi_and_whole),
    open("GET", "/.well-known/jwks.json", None, system::the_key_set_verifies_a_token),
];

/// The operations of the document: method, path, and what it says.
pub(crate) fn operations(document: &Value) -> Vec<(String, String, &Value)> {
    let paths = document["paths"].as_object().expect("the document has paths");
    let of_path =
        |(path, item): (&String, &'_ Value)| (path.clone(), item.as_object().unwrap().keys().cloned().collect());
    let mut operations = Vec::new();
    for (path, methods) in paths.iter().map(of_path) {
        let methods: Vec<String> = methods;
        operations.extend(
            methods.into_iter().map(|method| (method.to_uppercase(), path.clone(), &paths[&path][method.as_str()])),
        );
    }
    operations
}

/// The document that the server gives.
pub(crate) async fn document() -> Value {
    nobody().await.request("GET", "/openapi.json").send().await.is(200).value()
}

#[tokio::test]
async fn every_route_of_the_document_is_tested() {
    let document = document().await;
    let published: BTreeSet<(String, String)> =
        operations(&document).into_iter().map(|(method, path, _)| (method, path)).collect();
    let tested: BTreeSet<(String, String)> =
        ROUTES.iter().map(|route| (route.method.to_owned(), route.path.to_owned())).collect();
    let untested: Vec<_> = published.difference(&tested).collect();
    assert!(untested.is_empty(), "add a test and a line in ROUTES for each of {untested:?}");
    let gone: Vec<_> = tested.difference(&published).collect();
    assert!(gone.is_empty(), "not in the document: {gone:?}");
    assert_eq!(ROUTES.len(), tested.len(), "each route has one line");
}

#[tokio::test]
async fn the_document_says_what_a_route_takes_and_whether_it_asks_who_calls() {
    let document = document().await;
    for (method, path, operation) in operations(&document) {
        let route =
            ROUTES.iter().find(|route| (route.method, route.path) == (&*method, &*path)).expect("a line in ROUTES");
        assert_eq!(operation["security"] == serde_json::json!([{}]), route.open, "{method} {path}");
        // One that may be left out is shown by the route's own tests.
        let takes = operation.get("requestBody").is_some_and(|body| body["required"] == true);
        assert_eq!(takes, route.body.is_some(), "{method} {path}");
    }
}
