//! What a session knows of its owner.

use chrono::TimeDelta;
use muster_domain::ports::Clock as _;
use muster_identity::{Client, Proved, SessionId, Standing};
use uuid::Uuid;

use super::{Case, USER};

#[tokio::test]
async fn a_session_knows_what_its_owner_has_shown() {
    let case = Case::new().await;
    let standing = async |id| {
        let session = case.sessions.live(id).await.expect("an answer").expect("a session");
        session.standing(case.clock.now())
    };
    let shown = |is_fresh, has_factor, new_password_due| Standing { is_fresh, has_factor, new_password_due };
    let proved = Proved { with_factor: true, with_handed_over_password: true };
    let strong = case.sessions.start(USER, &Client::default(), proved).await.expect("a session").session_id;
    let plain = case.start().await.session_id;
    assert_eq!((standing(strong).await, standing(plain).await), (shown(true, true, true), shown(true, false, false)));

    case.clock.advance(TimeDelta::minutes(15));
    assert!(standing(plain).await.is_fresh);
    case.clock.advance(TimeDelta::milliseconds(1));
    assert_eq!((standing(strong).await, standing(plain).await), (shown(false, true, true), shown(false, false, false)));

    case.sessions.prove(plain, false).await.expect("a note");
    assert_eq!(standing(plain).await, shown(true, false, false));
    case.sessions.prove(plain, true).await.expect("a note");
    assert_eq!(standing(plain).await, shown(true, true, false));
    case.sessions.forget_factor(USER).await.expect("a note");
    assert_eq!((standing(strong).await, standing(plain).await), (shown(false, false, true), shown(true, false, false)));
    case.sessions.note_factor(plain).await.expect("a note");
    assert_eq!(standing(plain).await, shown(true, true, false));
    let nowhere = SessionId(Uuid::from_u128(404));
    case.sessions.prove(nowhere, true).await.expect("nothing to note");
    assert_eq!(case.sessions.find(nowhere).await.expect("an answer"), None, "and none is made");
}
