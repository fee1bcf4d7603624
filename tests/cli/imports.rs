//! An export that another store takes in, and a store that has only a part of one.

use std::fs;
use std::path::Path;

use aws_sdk_dynamodb::types::AttributeValue;
use muster_embedded::Engine;
use muster_tests::server::{Server, output, run};
use serde_json::{Value, json};

use crate::support::{log_in, new_task, refused, serve};

/// As if the power had gone before the import into this directory was done.
async fn cut_off(data: &Path) {
    let client = Engine::open(data).unwrap().client();
    let update = client.update_item().table_name("muster-control");
    let update = update.key("pk", AttributeValue::S("import".to_owned()));
    let update = update.key("sk", AttributeValue::S("export".to_owned()));
    update.update_expression("REMOVE done").send().await.unwrap();
}

fn unfinished(data: &Path) -> Value {
    let status: Value = serde_json::from_str(&output(data, &["status", "--json"])).unwrap();
    status["unfinished_import"].clone()
}

#[tokio::test]
async fn a_store_whose_import_was_cut_off_takes_nothing_else_until_it_is_whole() {
    let mut server = Server::start().await;
    new_task(&log_in(&server).await, "Fix the door").await;
    assert_eq!(server.end("INT").await.code(), Some(0));
    let beside = |name: &str| server.data().with_file_name(name);
    let (export, copy, tasks) = (beside("export.jsonl"), beside("copy"), beside("tasks.csv"));
    output(&server.data(), &["export", "--out", export.to_str().unwrap()]);
    fs::write(&tasks, "title\nMow the lawn\n").unwrap();
    let import = ["import", "--from-export", export.to_str().unwrap(), "--without-keys", "--json"];
    let imported: Value = serde_json::from_str(&output(&copy, &import)).unwrap();
    assert_eq!(unfinished(&copy), Value::Null);

    cut_off(&copy).await;

    assert_eq!(unfinished(&copy)["export"].as_str().unwrap().len(), 64);
    let said = output(&copy, &["status"]);
    assert!(said.contains("import      cut off: run it again with the same export (SHA-256 "), "{said}");
    let create = ["user", "create", "--email", "ada@example.com", "--name", "Ada", "--role", "admin"];
    for refusal in [
        refused(&serve("127.0.0.1:0", &copy)),
        refused(&run(&copy, &["demo"])),
        refused(&run(&copy, &create)),
        refused(&run(&copy, &["import", "tasks", tasks.to_str().unwrap()])),
        refused(&run(&copy, &["digest", "take"])),
        refused(&run(&copy, &["export"])),
    ] {
        let begun = "muster: the import of an export into this store was cut off, and only a part of it is there: run the import again";
        assert!(refusal.starts_with(begun), "{refusal}");
    }

    let again: Value = serde_json::from_str(&output(&copy, &import)).unwrap();
    assert_eq!(again, imported);
    assert_eq!(unfinished(&copy), json!(null));
    output(&copy, &create);
}
