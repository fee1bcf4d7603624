//! The rows of accounts, teams and the program itself.

/// What stands after a path tells apart the requests that one route takes.
pub(crate) const TABLE: &str = "
    route                                             | whose     | admin | manager | member | auditor | nobody
    GET    /healthz                                   | -         | 200 | 200 | 200 | 200 | 200
    GET    /readyz                                    | -         | 200 | 200 | 200 | 200 | 200
    GET    /openapi.json                              | -         | 200 | 200 | 200 | 200 | 200
    GET    /.well-known/jwks.json                     | -         | 200 | 200 | 200 | 200 | 200

    GET    /api/v1/users/signup                       | -         | 200 | 200 | 200 | 200 | 200
    POST   /api/v1/users/signup                       | -         | 201 | 201 | 201 | 201 | 201
    POST   /api/v1/users/signup as an administrator   | -         | 422 | 422 | 422 | 422 | 422
    POST   /api/v1/users/signup by invitation         | -         | 201 | 201 | 201 | 201 | 201
    POST   /api/v1/users/password-reset               | -         | 202 | 202 | 202 | 202 | 202
    POST   /api/v1/users/password-reset/confirm       | -         | 204 | 204 | 204 | 204 | 204
    POST   /api/v1/invitations                        | -         | 201 | 403 | 403 | 403 | 401
    GET    /api/v1/invitations                        | -         | 200 | 403 | 403 | 200 | 401
    DELETE /api/v1/invitations/{invitation_id}        | own       | 204 | 403 | 403 | 403 | 401
                                                      | another's | 204 | 403 | 403 | 403 | 401
                                                      | nothing   | 404 | 403 | 403 | 403 | 401
    POST   /api/v1/users/login                        | -         | 200 | 200 | 200 | 200 | 200
    POST   /api/v1/login                              | -         | 200 | 200 | 200 | 200 | 200
    POST   /api/v1/users/login/second-factor          | -         | 200 | 200 | 200 | 200 | 200
    POST   /api/v1/users/refresh                      | -         | 200 | 200 | 200 | 200 | 200
    POST   /api/v1/refresh                            | -         | 200 | 200 | 200 | 200 | 200
    POST   /api/v1/users/logout                       | -         | 204 | 204 | 204 | 204 | 401
    POST   /api/v1/logout                             | -         | 204 | 204 | 204 | 204 | 401

    GET    /api/v1/users/oidc                         | -         | 200 | 200 | 200 | 200 | 200
    POST   /api/v1/users/oidc/{provider}/begin        | -         | 200 | 200 | 200 | 200 | 200
                                                      | nothing   | 404 | 404 | 404 | 404 | 404
    POST   /api/v1/users/oidc/{provider}/finish       | -         | 200 | 200 | 200 | 200 | 200
                                                      | nothing   | 404 | 404 | 404 | 404 | 404
    GET    /api/v1/profile/outside-identities         | -         | 200 | 200 | 200 | 200 | 401
    POST   /api/v1/profile/outside-identities/{provider}/begin  | -       | 200 | 200 | 200 | 200 | 401
                                                      | nothing   | 404 | 404 | 404 | 404 | 401
    POST   /api/v1/profile/outside-identities/{provider}/finish | -       | 200 | 200 | 200 | 200 | 401
                                                      | nothing   | 404 | 404 | 404 | 404 | 401
    DELETE /api/v1/profile/outside-identities/{identity_id}     | own     | 204 | 204 | 204 | 204 | 401
                                                      | another's | 404 | 404 | 404 | 404 | 401
                                                      | nothing   | 404 | 404 | 404 | 404 | 401

    GET    /api/v1/users/sessions                     | -         | 200 | 200 | 200 | 200 | 401
    DELETE /api/v1/users/sessions/{session_id}        | own       | 204 | 204 | 204 | 204 | 401
                                                      | another's | 404 | 404 | 404 | 404 | 401
                                                      | nothing   | 404 | 404 | 404 | 404 | 401
    GET    /api/v1/users/{user_id}/sessions           | own       | 200 | 200 | 200 | 200 | 401
                                                      | ours      | 200 | 403 | 403 | 403 | 401
                                                      | another's | 200 | 403 | 403 | 403 | 401
                                                      | nothing   | 404 | 404 | 404 | 404 | 401
    DELETE /api/v1/users/{user_id}/sessions           | own       | 204 | 204 | 204 | 204 | 401
                                                      | ours      | 204 | 403 | 403 | 403 | 401
                                                      | another's | 204 | 403 | 403 | 403 | 401
                                                      | nothing   | 404 | 404 | 404 | 404 | 401

    POST   /api/v1/tokens                             | -         | 201 | 201 | 201 | 201 | 401
    GET    /api/v1/tokens                             | -         | 200 | 200 | 200 | 200 | 401
    DELETE /api/v1/tokens/{token_id}                  | own       | 204 | 204 | 204 | 204 | 401
                                                      | another's | 404 | 404 | 404 | 404 | 401
                                                      | nothing   | 404 | 404 | 404 | 404 | 401
    GET    /api/v1/users/{user_id}/tokens             | own       | 200 | 200 | 200 | 200 | 401
                                                      | ours      | 200 | 403 | 403 | 403 | 401
                                                      | another's | 200 | 403 | 403 | 403 | 401
                                                      | nothing   | 404 | 404 | 404 | 404 | 401
    DELETE /api/v1/users/{user_id}/tokens/{token_id}  | own       | 204 | 204 | 204 | 204 | 401
                                                      | ours      | 204 | 403 | 403 | 403 | 401
                                                      | another's | 204 | 403 | 403 | 403 | 401
                                                      | nothing   | 404 | 404 | 404 | 404 | 401

    POST   /api/v1/users/reauthenticate               | -         | 204 | 204 | 204 | 204 | 401
    PUT    /api/v1/profile/password                   | -         | 204 | 204 | 204 | 204 | 401
    GET    /api/v1/profile/second-factor              | -         | 200 | 200 | 200 | 200 | 401
    POST   /api/v1/profile/second-factor              | -         | 200 | 200 | 200 | 200 | 401
    POST   /api/v1/profile/second-factor/confirm      | -         | 409 | 409 | 409 | 409 | 401
    POST   /api/v1/profile/second-factor/recovery-codes | -       | 409 | 409 | 409 | 409 | 401
    DELETE /api/v1/profile/second-factor              | -         | 409 | 409 | 409 | 409 | 401
    DELETE /api/v1/users/{user_id}/second-factor      | own       | 403 | 403 | 403 | 403 | 401
                                                      | ours      | 204 | 403 | 403 | 403 | 401
                                                      | another's | 204 | 403 | 403 | 403 | 401
                                                      | nothing   | 404 | 404 | 404 | 404 | 401
    GET    /api/v1/profile                            | -         | 200 | 200 | 200 | 200 | 401
    PUT    /api/v1/profile                            | -         | 200 | 200 | 200 | 200 | 401
    PUT    /api/v1/profile e-mail                     | -         | 200 | 200 | 200 | 200 | 401
    PUT    /api/v1/profile role                       | -         | 403 | 403 | 403 | 403 | 401
    GET    /api/v1/profile/notification-preferences   | -         | 200 | 200 | 200 | 200 | 401
    PUT    /api/v1/profile/notification-preferences   | -         | 200 | 200 | 200 | 200 | 401
    POST   /api/v1/profile/filters                    | -         | 201 | 201 | 201 | 201 | 401
    GET    /api/v1/profile/filters                    | -         | 200 | 200 | 200 | 200 | 401
    GET    /api/v1/profile/filters/{filter_id}       | own       | 200 | 200 | 200 | 200 | 401
                                                      | another's | 404 | 404 | 404 | 404 | 401
                                                      | nothing   | 404 | 404 | 404 | 404 | 401
    PUT    /api/v1/profile/filters/{filter_id}       | own       | 200 | 200 | 200 | 200 | 401
                                                      | another's | 404 | 404 | 404 | 404 | 401
                                                      | nothing   | 404 | 404 | 404 | 404 | 401
    DELETE /api/v1/profile/filters/{filter_id}       | own       | 204 | 204 | 204 | 204 | 401
                                                      | another's | 404 | 404 | 404 | 404 | 401
                                                      | nothing   | 404 | 404 | 404 | 404 | 401

    POST   /api/v1/users                              | -         | 201 | 403 | 403 | 403 | 401
    POST   /api/v1/users without a password           | -         | 201 | 403 | 403 | 403 | 401
    GET    /api/v1/users                              | -         | 200 | 200 | 200 | 200 | 401
    GET    /api/v1/users/{user_id}                    | own       | 200 | 200 | 200 | 200 | 401
                                                      | ours      | 200 | 200 | 200 | 200 | 401
                                                      | another's | 200 | 200 | 200 | 200 | 401
                                                      | nothing   | 404 | 404 | 404 | 404 | 401
    PUT    /api/v1/users/{user_id}                    | own       | 200 | 200 | 200 | 200 | 401
                                                      | ours      | 200 | 403 | 403 | 403 | 401
                                                      | another's | 200 | 403 | 403 | 403 | 401
                                                      | nothing   | 404 | 404 | 404 | 404 | 401
    PUT    /api/v1/users/{user_id} e-mail             | own       | 200 | 200 | 200 | 200 | 401
                                                      | ours      | 200 | 403 | 403 | 403 | 401
                                                      | another's | 200 | 403 | 403 | 403 | 401
                                                      | nothing   | 404 | 404 | 404 | 404 | 401
    PUT    /api/v1/users/{user_id} role               | own       | 403 | 403 | 403 | 403 | 401
                                                      | ours      | 200 | 403 | 403 | 403 | 401
                                                      | another's | 200 | 403 | 403 | 403 | 401
                                                      | nothing   | 404 | 404 | 404 | 404 | 401
    DELETE /api/v1/users/{user_id}                    | own       | 403 | 403 | 403 | 403 | 401
                                                      | ours      | 200 | 403 | 403 | 403 | 401
                                                      | another's | 200 | 403 | 403 | 403 | 401
                                                      | nothing   | 404 | 404 | 404 | 404 | 401
    POST   /api/v1/users/{user_id}/reactivate         | own       | 403 | 403 | 403 | 403 | 401
                                                      | ours      | 200 | 403 | 403 | 403 | 401
                                                      | another's | 200 | 403 | 403 | 403 | 401
                                                      | nothing   | 404 | 404 | 404 | 404 | 401
    GET    /api/v1/profile/export                     | -         | 200 | 200 | 200 | 200 | 401
    GET    /api/v1/users/{user_id}/export             | own       | 200 | 200 | 200 | 200 | 401
                                                      | ours      | 200 | 403 | 403 | 403 | 401
                                                      | another's | 200 | 403 | 403 | 403 | 401
                                                      | nothing   | 404 | 404 | 404 | 404 | 401
    POST   /api/v1/users/{user_id}/erase              | own       | 403 | 403 | 403 | 403 | 401
                                                      | ours      | 422 | 403 | 403 | 403 | 401
                                                      | another's | 422 | 403 | 403 | 403 | 401
                                                      | nothing   | 404 | 404 | 404 | 404 | 401

    POST   /api/v1/users/{user_id}/reassign           | own       | 200 | 200 | 200 | 200 | 401
                                                      | ours      | 200 | 200 | 200 | 200 | 401
                                                      | another's | 200 | 200 | 200 | 200 | 401
                                                      | nothing   | 404 | 404 | 404 | 404 | 401

    GET    /api/v1/audit                              | -         | 200 | 403 | 403 | 200 | 401
    GET    /api/v1/audit/export                       | -         | 200 | 403 | 403 | 200 | 401
    GET    /api/v1/audit/access                       | -         | 200 | 403 | 403 | 200 | 401
    GET    /api/v1/audit/digests                      | -         | 200 | 403 | 403 | 200 | 401
    GET    /api/v1/audit/digests/key                  | -         | 200 | 200 | 200 | 200 | 200
    GET    /api/v1/audit/access/export                | -         | 200 | 403 | 403 | 200 | 401
    GET    /api/v1/feed                               | -         | 200 | 200 | 200 | 200 | 401
    POST   /api/v1/webhooks                           | -         | 201 | 403 | 403 | 403 | 401
    GET    /api/v1/webhooks                           | -         | 200 | 403 | 403 | 200 | 401
    GET    /api/v1/webhooks/{webhook_id}              | -         | 200 | 403 | 403 | 200 | 401
                                                      | nothing   | 404 | 403 | 403 | 404 | 401
    PUT    /api/v1/webhooks/{webhook_id}              | -         | 200 | 403 | 403 | 403 | 401
                                                      | nothing   | 404 | 403 | 403 | 403 | 401
    DELETE /api/v1/webhooks/{webhook_id}              | -         | 204 | 403 | 403 | 403 | 401
                                                      | nothing   | 404 | 403 | 403 | 403 | 401
    POST   /api/v1/webhooks/{webhook_id}/secret       | -         | 200 | 403 | 403 | 403 | 401
                                                      | nothing   | 404 | 403 | 403 | 403 | 401
    POST   /api/v1/webhooks/{webhook_id}/test         | -         | 202 | 403 | 403 | 403 | 401
                                                      | nothing   | 404 | 403 | 403 | 403 | 401
    GET    /api/v1/webhooks/{webhook_id}/deliveries   | -         | 200 | 403 | 403 | 200 | 401
                                                      | nothing   | 404 | 403 | 403 | 404 | 401
    POST   /api/v1/webhooks/{webhook_id}/deliveries/{delivery_id}/replay | - | 202 | 403 | 403 | 403 | 401
                                                      | nothing   | 404 | 403 | 403 | 403 | 401

    POST   /api/v1/teams                              | -         | 201 | 403 | 403 | 403 | 401
    GET    /api/v1/teams                              | -         | 200 | 200 | 200 | 200 | 401
    GET    /api/v1/teams/{team_id}                    | ours      | 200 | 200 | 200 | 200 | 401
                                                      | another's | 200 | 200 | 200 | 200 | 401
                                                      | nothing   | 404 | 404 | 404 | 404 | 401
    PUT    /api/v1/teams/{team_id}                    | ours      | 200 | 403 | 403 | 403 | 401
                                                      | another's | 200 | 403 | 403 | 403 | 401
                                                      | nothing   | 404 | 403 | 403 | 403 | 401
    GET    /api/v1/teams/{team_id}/members            | ours      | 200 | 200 | 200 | 200 | 401
                                                      | another's | 200 | 200 | 200 | 200 | 401
                                                      | nothing   | 404 | 404 | 404 | 404 | 401
    PUT    /api/v1/teams/{team_id}/members/{user_id}  | ours      | 200 | 403 | 403 | 403 | 401
                                                      | another's | 200 | 403 | 403 | 403 | 401
                                                      | nothing   | 404 | 403 | 403 | 403 | 401
    DELETE /api/v1/teams/{team_id}/members/{user_id}  | ours      | 200 | 403 | 403 | 403 | 401
                                                      | another's | 200 | 403 | 403 | 403 | 401
                                                      | nothing   | 404 | 403 | 403 | 403 | 401
";
