//! The rows of tasks.

/// What stands after a path tells apart the requests that one route takes.
pub(crate) const TABLE: &str = "
    route                                                     | whose     | admin | manager | member | auditor | nobody
    POST   /api/v1/tasks                                      | -         | 201 | 201 | 201 | 403 | 401
    POST   /api/v1/tasks in our team                          | -         | 201 | 201 | 201 | 403 | 401
    POST   /api/v1/tasks in another team                      | -         | 201 | 403 | 403 | 403 | 401
    POST   /api/v1/tasks for the caller                       | -         | 201 | 201 | 201 | 403 | 401
    POST   /api/v1/tasks for somebody of our team             | -         | 201 | 201 | 403 | 403 | 401
    POST   /api/v1/tasks for somebody of another team         | -         | 201 | 403 | 403 | 403 | 401
    POST   /api/v1/tasks/bulk                                 | -         | 200 | 200 | 200 | 200 | 401
    PATCH  /api/v1/tasks/bulk                                 | -         | 200 | 200 | 200 | 200 | 401
    GET    /api/v1/tasks/board                                | -         | 200 | 200 | 200 | 200 | 401
    GET    /api/v1/tasks                                      | -         | 200 | 200 | 200 | 200 | 401
    POST   /api/v1/imports                                    | -         | 200 | 200 | 403 | 403 | 401

    GET    /api/v1/tasks/{task_id}                            | given     | 200 | 200 | 200 | 200 | 401
                                                              | reported  | 200 | 200 | 200 | 200 | 401
                                                              | ours      | 200 | 200 | 404 | 200 | 401
                                                              | no team's | 200 | 200 | 404 | 200 | 401
                                                              | another's | 200 | 404 | 404 | 200 | 401
                                                              | nothing   | 404 | 404 | 404 | 404 | 401
    GET    /api/v1/tasks/{task_id}/logs                       | given     | 200 | 200 | 200 | 200 | 401
                                                              | reported  | 200 | 200 | 200 | 200 | 401
                                                              | ours      | 200 | 200 | 404 | 200 | 401
                                                              | no team's | 200 | 200 | 404 | 200 | 401
                                                              | another's | 200 | 404 | 404 | 200 | 401
                                                              | nothing   | 404 | 404 | 404 | 404 | 401
    GET    /api/v1/tasks/{task_id}/logs/latest                | given     | 200 | 200 | 200 | 200 | 401
                                                              | reported  | 200 | 200 | 200 | 200 | 401
                                                              | ours      | 200 | 200 | 404 | 200 | 401
                                                              | no team's | 200 | 200 | 404 | 200 | 401
                                                              | another's | 200 | 404 | 404 | 200 | 401
                                                              | nothing   | 404 | 404 | 404 | 404 | 401
    GET    /api/v1/tasks/{task_id}/history                    | given     | 200 | 200 | 200 | 200 | 401
                                                              | reported  | 200 | 200 | 200 | 200 | 401
                                                              | ours      | 200 | 200 | 404 | 200 | 401
                                                              | no team's | 200 | 200 | 404 | 200 | 401
                                                              | another's | 200 | 404 | 404 | 200 | 401
                                                              | nothing   | 404 | 404 | 404 | 404 | 401
    GET    /api/v1/tasks/{task_id}/history/{version}/proof    | given     | 200 | 200 | 200 | 200 | 401
                                                              | reported  | 200 | 200 | 200 | 200 | 401
                                                              | ours      | 200 | 200 | 404 | 200 | 401
                                                              | no team's | 200 | 200 | 404 | 200 | 401
                                                              | another's | 200 | 404 | 404 | 200 | 401
                                                              | nothing   | 404 | 404 | 404 | 404 | 401

    PUT    /api/v1/tasks/{task_id}                            | given     | 200 | 200 | 403 | 403 | 401
                                                              | reported  | 200 | 200 | 200 | 403 | 401
                                                              | ours      | 200 | 200 | 404 | 403 | 401
                                                              | no team's | 200 | 200 | 404 | 403 | 401
                                                              | another's | 200 | 404 | 404 | 403 | 401
                                                              | nothing   | 404 | 404 | 404 | 404 | 401
    PUT    /api/v1/tasks/{task_id} into our team              | given     | 200 | 200 | 403 | 403 | 401
                                                              | reported  | 200 | 200 | 200 | 403 | 401
                                                              | ours      | 200 | 200 | 404 | 403 | 401
                                                              | no team's | 200 | 200 | 404 | 403 | 401
                                                              | another's | 200 | 404 | 404 | 403 | 401
                                                              | nothing   | 404 | 404 | 404 | 404 | 401
    PUT    /api/v1/tasks/{task_id} into another team          | given     | 200 | 403 | 403 | 403 | 401
                                                              | reported  | 200 | 403 | 403 | 403 | 401
                                                              | ours      | 200 | 403 | 404 | 403 | 401
                                                              | no team's | 200 | 403 | 404 | 403 | 401
                                                              | another's | 200 | 404 | 404 | 403 | 401
                                                              | nothing   | 404 | 404 | 404 | 404 | 401
    PUT    /api/v1/tasks/{task_id} status                     | given     | 200 | 200 | 200 | 403 | 401
                                                              | reported  | 200 | 200 | 200 | 403 | 401
                                                              | ours      | 200 | 200 | 404 | 403 | 401
                                                              | no team's | 200 | 200 | 404 | 403 | 401
                                                              | another's | 200 | 404 | 404 | 403 | 401
                                                              | nothing   | 404 | 404 | 404 | 404 | 401
    DELETE /api/v1/tasks/{task_id}                            | given     | 200 | 200 | 403 | 403 | 401
                                                              | reported  | 200 | 200 | 200 | 403 | 401
                                                              | ours      | 200 | 200 | 404 | 403 | 401
                                                              | no team's | 200 | 200 | 404 | 403 | 401
                                                              | another's | 200 | 404 | 404 | 403 | 401
                                                              | nothing   | 404 | 404 | 404 | 404 | 401

    POST   /api/v1/tasks/{task_id}/assign                     | given     | 200 | 200 | 403 | 403 | 401
                                                              | reported  | 200 | 200 | 200 | 403 | 401
                                                              | ours      | 200 | 200 | 404 | 403 | 401
                                                              | no team's | 200 | 200 | 404 | 403 | 401
                                                              | another's | 200 | 404 | 404 | 403 | 401
                                                              | nothing   | 404 | 404 | 404 | 404 | 401
    POST   /api/v1/tasks/{task_id}/assign to the caller       | given     | 200 | 200 | 403 | 403 | 401
                                                              | reported  | 200 | 200 | 200 | 403 | 401
                                                              | ours      | 200 | 200 | 404 | 403 | 401
                                                              | no team's | 200 | 200 | 404 | 403 | 401
                                                              | another's | 200 | 404 | 404 | 403 | 401
                                                              | nothing   | 404 | 404 | 404 | 404 | 401
    POST   /api/v1/tasks/{task_id}/assign to somebody of our team| given     | 200 | 200 | 403 | 403 | 401
                                                              | reported  | 200 | 200 | 403 | 403 | 401
                                                              | ours      | 200 | 200 | 404 | 403 | 401
                                                              | no team's | 200 | 200 | 404 | 403 | 401
                                                              | another's | 200 | 404 | 404 | 403 | 401
                                                              | nothing   | 404 | 404 | 404 | 404 | 401
    POST   /api/v1/tasks/{task_id}/assign to somebody of another team| given     | 200 | 403 | 403 | 403 | 401
                                                              | reported  | 200 | 403 | 403 | 403 | 401
                                                              | ours      | 200 | 403 | 404 | 403 | 401
                                                              | no team's | 200 | 403 | 404 | 403 | 401
                                                              | another's | 200 | 404 | 404 | 403 | 401
                                                              | nothing   | 404 | 404 | 404 | 404 | 401
    POST   /api/v1/tasks/{task_id}/status                     | given     | 200 | 200 | 200 | 403 | 401
                                                              | reported  | 200 | 200 | 200 | 403 | 401
                                                              | ours      | 200 | 200 | 404 | 403 | 401
                                                              | no team's | 200 | 200 | 404 | 403 | 401
                                                              | another's | 200 | 404 | 404 | 403 | 401
                                                              | nothing   | 404 | 404 | 404 | 404 | 401
    POST   /api/v1/tasks/{task_id}/deadline                   | given     | 200 | 200 | 403 | 403 | 401
                                                              | reported  | 200 | 200 | 200 | 403 | 401
                                                              | ours      | 200 | 200 | 404 | 403 | 401
                                                              | no team's | 200 | 200 | 404 | 403 | 401
                                                              | another's | 200 | 404 | 404 | 403 | 401
                                                              | nothing   | 404 | 404 | 404 | 404 | 401
    DELETE /api/v1/tasks/{task_id}/deadline                   | given     | 200 | 200 | 403 | 403 | 401
                                                              | reported  | 200 | 200 | 200 | 403 | 401
                                                              | ours      | 200 | 200 | 404 | 403 | 401
                                                              | no team's | 200 | 200 | 404 | 403 | 401
                                                              | another's | 200 | 404 | 404 | 403 | 401
                                                              | nothing   | 404 | 404 | 404 | 404 | 401
    PUT    /api/v1/tasks/{task_id}/recurrence                 | given     | 200 | 200 | 403 | 403 | 401
                                                              | reported  | 200 | 200 | 200 | 403 | 401
                                                              | ours      | 200 | 200 | 404 | 403 | 401
                                                              | no team's | 200 | 200 | 404 | 403 | 401
                                                              | another's | 200 | 404 | 404 | 403 | 401
                                                              | nothing   | 404 | 404 | 404 | 404 | 401
    DELETE /api/v1/tasks/{task_id}/recurrence                 | given     | 200 | 200 | 403 | 403 | 401
                                                              | reported  | 200 | 200 | 200 | 403 | 401
                                                              | ours      | 200 | 200 | 404 | 403 | 401
                                                              | no team's | 200 | 200 | 404 | 403 | 401
                                                              | another's | 200 | 404 | 404 | 403 | 401
                                                              | nothing   | 404 | 404 | 404 | 404 | 401
    PUT    /api/v1/tasks/{task_id}/reminders                  | given     | 200 | 200 | 200 | 403 | 401
                                                              | reported  | 200 | 200 | 200 | 403 | 401
                                                              | ours      | 200 | 200 | 404 | 403 | 401
                                                              | no team's | 200 | 200 | 404 | 403 | 401
                                                              | another's | 200 | 404 | 404 | 403 | 401
                                                              | nothing   | 404 | 404 | 404 | 404 | 401
    POST   /api/v1/tasks/{task_id}/hold                       | given     | 200 | 200 | 200 | 403 | 401
                                                              | reported  | 200 | 200 | 200 | 403 | 401
                                                              | ours      | 200 | 200 | 404 | 403 | 401
                                                              | no team's | 200 | 200 | 404 | 403 | 401
                                                              | another's | 200 | 404 | 404 | 403 | 401
                                                              | nothing   | 404 | 404 | 404 | 404 | 401
    POST   /api/v1/tasks/{task_id}/resume                     | given     | 200 | 200 | 200 | 403 | 401
                                                              | reported  | 200 | 200 | 200 | 403 | 401
                                                              | ours      | 200 | 200 | 404 | 403 | 401
                                                              | no team's | 200 | 200 | 404 | 403 | 401
                                                              | another's | 200 | 404 | 404 | 403 | 401
                                                              | nothing   | 404 | 404 | 404 | 404 | 401
    POST   /api/v1/tasks/{task_id}/comments                   | given     | 201 | 201 | 201 | 403 | 401
                                                              | reported  | 201 | 201 | 201 | 403 | 401
                                                              | ours      | 201 | 201 | 404 | 403 | 401
                                                              | no team's | 201 | 201 | 404 | 403 | 401
                                                              | another's | 201 | 404 | 404 | 403 | 401
                                                              | nothing   | 404 | 404 | 404 | 404 | 401
    POST   /api/v1/tasks/{task_id}/restore                    | given     | 200 | 200 | 403 | 403 | 401
                                                              | reported  | 200 | 200 | 200 | 403 | 401
                                                              | ours      | 200 | 200 | 404 | 403 | 401
                                                              | no team's | 200 | 200 | 404 | 403 | 401
                                                              | another's | 200 | 404 | 404 | 403 | 401
                                                              | nothing   | 404 | 404 | 404 | 404 | 401
    POST   /api/v1/tasks/{task_id}/checklist                  | given     | 201 | 201 | 403 | 403 | 401
                                                              | reported  | 201 | 201 | 201 | 403 | 401
                                                              | ours      | 201 | 201 | 404 | 403 | 401
                                                              | no team's | 201 | 201 | 404 | 403 | 401
                                                              | another's | 201 | 404 | 404 | 403 | 401
                                                              | nothing   | 404 | 404 | 404 | 404 | 401
    PUT    /api/v1/tasks/{task_id}/checklist/{item_id}        | given     | 200 | 200 | 200 | 403 | 401
                                                              | reported  | 200 | 200 | 200 | 403 | 401
                                                              | ours      | 200 | 200 | 404 | 403 | 401
                                                              | no team's | 200 | 200 | 404 | 403 | 401
                                                              | another's | 200 | 404 | 404 | 403 | 401
                                                              | nothing   | 404 | 404 | 404 | 404 | 401
    DELETE /api/v1/tasks/{task_id}/checklist/{item_id}        | given     | 200 | 200 | 403 | 403 | 401
                                                              | reported  | 200 | 200 | 200 | 403 | 401
                                                              | ours      | 200 | 200 | 404 | 403 | 401
                                                              | no team's | 200 | 200 | 404 | 403 | 401
                                                              | another's | 200 | 404 | 404 | 403 | 401
                                                              | nothing   | 404 | 404 | 404 | 404 | 401
    PUT    /api/v1/tasks/{task_id}/watchers/{user_id}         | given     | 200 | 200 | 200 | 403 | 401
                                                              | reported  | 200 | 200 | 200 | 403 | 401
                                                              | ours      | 200 | 200 | 404 | 403 | 401
                                                              | no team's | 200 | 200 | 404 | 403 | 401
                                                              | another's | 200 | 404 | 404 | 403 | 401
                                                              | nothing   | 404 | 404 | 404 | 404 | 401
    DELETE /api/v1/tasks/{task_id}/watchers/{user_id}         | given     | 200 | 200 | 200 | 403 | 401
                                                              | reported  | 200 | 200 | 200 | 403 | 401
                                                              | ours      | 200 | 200 | 404 | 403 | 401
                                                              | no team's | 200 | 200 | 404 | 403 | 401
                                                              | another's | 200 | 404 | 404 | 403 | 401
                                                              | nothing   | 404 | 404 | 404 | 404 | 401
    POST   /api/v1/tasks/{task_id}/position                   | given     | 200 | 200 | 200 | 403 | 401
                                                              | reported  | 200 | 200 | 200 | 403 | 401
                                                              | ours      | 200 | 200 | 404 | 403 | 401
                                                              | no team's | 200 | 200 | 404 | 403 | 401
                                                              | another's | 200 | 404 | 404 | 403 | 401
                                                              | nothing   | 404 | 404 | 404 | 404 | 401
    GET    /api/v1/tasks/{task_id}/relations                  | given     | 200 | 200 | 200 | 200 | 401
                                                              | reported  | 200 | 200 | 200 | 200 | 401
                                                              | ours      | 200 | 200 | 404 | 200 | 401
                                                              | no team's | 200 | 200 | 404 | 200 | 401
                                                              | another's | 200 | 404 | 404 | 200 | 401
                                                              | nothing   | 404 | 404 | 404 | 404 | 401
    POST   /api/v1/tasks/{task_id}/relations                  | given     | 200 | 200 | 403 | 403 | 401
                                                              | reported  | 200 | 200 | 200 | 403 | 401
                                                              | ours      | 200 | 200 | 404 | 403 | 401
                                                              | no team's | 200 | 200 | 404 | 403 | 401
                                                              | another's | 200 | 404 | 404 | 403 | 401
                                                              | nothing   | 404 | 404 | 404 | 404 | 401
    DELETE /api/v1/tasks/{task_id}/relations                  | given     | 200 | 200 | 403 | 403 | 401
                                                              | reported  | 200 | 200 | 200 | 403 | 401
                                                              | ours      | 200 | 200 | 404 | 403 | 401
                                                              | no team's | 200 | 200 | 404 | 403 | 401
                                                              | another's | 200 | 404 | 404 | 403 | 401
                                                              | nothing   | 404 | 404 | 404 | 404 | 401
";
