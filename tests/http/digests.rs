//! What an auditor takes away: digests, the key, and the proof of an event.

use muster_domain::proof::{DigestKeys, InclusionProof, SignedDigest};
use muster_domain::user::Role;
use serde_json::{Value, json};

use crate::page::walk;
use crate::support::{admin, member, nobody, of_task, person, take_digest, task};

async fn keys() -> DigestKeys {
    let page = nobody().await.get("/audit/digests/key").send().await.is(200).value();
    let pem: String = page["items"].as_array().unwrap().iter().map(|key| key["pem"].as_str().unwrap()).collect();
    let keys = DigestKeys::from_pem(&pem).unwrap();
    assert!(keys.names().eq(page["items"].as_array().unwrap().iter().map(|key| key["key"].as_str().unwrap())));
    keys
}

#[tokio::test]
pub(crate) async fn an_event_is_proven_to_whoever_may_see_the_history() {
    let member = member().await;
    let task = task(&member.client, json!({ "title": "Fix the door" })).await;
    let path = of_task(task.id, "/history/1/proof");
    let problem = member.client.get(&path).send().await.problem(404, "not_found");
    assert_eq!(problem["detail"], "There is no such proof yet: the next digest will hold the event.");
    take_digest().await;

    let proof: InclusionProof = member.client.get(&path).send().await.is(200).json();

    let proven = proof.verify(&keys().await).unwrap();
    assert_eq!((proven.event.event_type.as_str(), proven.event.stream), ("TaskCreated", task.id.into()));
    assert!(proven.taken_at >= proven.event.recorded_at);
    for beyond in ["0", "2", "9007199254740992", "18446744073709551615"] {
        let answer = member.client.get(&of_task(task.id, &format!("/history/{beyond}/proof"))).send().await;
        assert_eq!(answer.problem(404, "not_found")["detail"], "There is no such event.", "{beyond}");
    }
    for wrong in ["-1", "one", "18446744073709551616"] {
        let answer = member.client.get(&of_task(task.id, &format!("/history/{wrong}/proof"))).send().await;
        answer.problem(404, "not_found");
    }
}

#[tokio::test]
pub(crate) async fn digests_are_listed_newest_first_and_point_back() {
    let auditor = person(Role::Auditor).await;
    for _ in 0..3 {
        take_digest().await;
    }
    let (keys, oldest_first) = (keys().await, walk(&auditor.client, "/audit/digests?sort=sequence", 200).await);
    let digests: Vec<SignedDigest> =
        oldest_first.iter().map(|digest| serde_json::from_value(digest.clone()).unwrap()).collect();
    assert_eq!((digests[0].sequence, digests[0].previous.to_string()), (1, "0".repeat(64)));
    for pair in digests.windows(2) {
        assert_eq!((pair[1].sequence, pair[1].previous), (pair[0].sequence + 1, pair[0].hash().unwrap()));
    }
    assert!(digests.iter().all(|digest| digest.is_signed_by(&keys)));
    let newest_first: Vec<Value> = walk(&auditor.client, "/audit/digests", 2).await;
    let sequences: Vec<u64> = newest_first.iter().map(|digest| digest["sequence"].as_u64().unwrap()).collect();
    // Others may take some meanwhile.
    assert!(sequences.len() >= digests.len() && sequences.is_sorted_by(|one, next| *one == next + 1), "{sequences:?}");
}

#[tokio::test]
async fn what_is_asked_wrongly_is_named() {
    let admin = admin().await;
    for wrong in ["0", "201", "-1", "many", ""] {
        admin.get(&format!("/audit/digests?limit={wrong}")).send().await.wrong_parameters(&["limit"]);
    }
    for wrong in ["", "0", "-1", "first", "18446744073709551616"] {
        admin.get(&format!("/audit/digests?cursor={wrong}")).send().await.wrong_parameters(&["cursor"]);
    }
    admin.get("/audit/digests?sort=root").send().await.wrong_parameters(&["sort"]);
    admin.get("/audit/digests?colour=red").send().await.wrong_parameters(&["colour"]);
}
