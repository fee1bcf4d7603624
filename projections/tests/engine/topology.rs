use muster_domain::AggregateType;
use muster_projections::hosted;

use crate::support::{PREFIX, World, topology};

#[tokio::test]
async fn the_topology_says_of_each_projection_what_the_code_says() {
    let world = World::new().await;
    let hosted = hosted(&world.client, PREFIX, &world.reader());
    let topology = topology().unwrap();
    let projections = topology["projections"].as_object().unwrap();
    let mut named: Vec<&str> = hosted.iter().map(|projection| projection.name()).collect();
    named.sort_unstable();
    assert_eq!(projections.keys().map(String::as_str).collect::<Vec<_>>(), named);
    for projection in hosted {
        let entry = &projections[projection.name()];
        assert_eq!(entry["version"], projection.version(), "{}", projection.name());
        let wanted: Vec<&str> =
            AggregateType::ALL.into_iter().filter(|kind| projection.wants(*kind)).map(AggregateType::as_str).collect();
        assert_eq!(entry["consumes"], serde_json::json!(wanted), "{}", projection.name());
        assert_eq!(entry["rule"]["detail"]["stream"]["type"], serde_json::json!(wanted), "{}", projection.name());
    }
}
