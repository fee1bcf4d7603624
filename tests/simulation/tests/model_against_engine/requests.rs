//! Requests by chance: those that Muster sends, and those that it must not.

use fastrand::Rng;
use serde_json::{Map, Value, json};

/// An operation and its request.
pub(crate) type Request = (&'static str, Value);

/// The tables, as `CreateTable` makes them.
pub(crate) fn tables() -> Vec<Value> {
    let key = |name: &str, kind: &str| json!({ "AttributeName": name, "KeyType": kind });
    let attribute = |name: &str, kind: &str| json!({ "AttributeName": name, "AttributeType": kind });
    let index = |name: &str, pk: &str, sk: &str| {
        json!({
            "IndexName": name, "KeySchema": [key(pk, "HASH"), key(sk, "RANGE")], "Projection": { "ProjectionType": "ALL" },
        })
    };
    let stream = json!({ "StreamEnabled": true, "StreamViewType": "NEW_IMAGE" });
    vec![
        json!({
            "TableName": "events", "BillingMode": "PAY_PER_REQUEST", "StreamSpecification": stream,
            "KeySchema": [key("pk", "HASH"), key("sk", "RANGE")],
            "AttributeDefinitions": [attribute("pk", "S"), attribute("sk", "N")],
        }),
        json!({
            "TableName": "rows", "BillingMode": "PAY_PER_REQUEST", "StreamSpecification": stream,
            "KeySchema": [key("pk", "HASH"), key("sk", "RANGE")],
            "AttributeDefinitions": [
                attribute("pk", "S"), attribute("sk", "S"), attribute("gsi", "S"), attribute("due", "S"),
                attribute("rank", "N"),
            ],
            "GlobalSecondaryIndexes": [index("by-due", "gsi", "due"), index("by-rank", "gsi", "rank")],
        }),
        json!({
            "TableName": "claims", "BillingMode": "PAY_PER_REQUEST", "StreamSpecification": stream,
            "KeySchema": [key("pk", "HASH")],
            "AttributeDefinitions": [attribute("pk", "S"), attribute("user_id", "S")],
            "GlobalSecondaryIndexes": [index("by-user", "user_id", "pk")],
        }),
    ]
}

const TABLES: [&str; 3] = ["events", "rows", "claims"];

fn pick<'a, T: ?Sized>(rng: &mut Rng, of: &[&'a T]) -> &'a T {
    of[rng.usize(..of.len())]
}

fn text(rng: &mut Rng) -> String {
    pick(rng, &["", "a", "ab", "abc", "b", "v#1", "Ärger \"quoted\" \\ \u{1}\n", "long text that says nothing", "~"])
        .to_owned()
}

fn number(rng: &mut Rng) -> String {
    match rng.u8(..10) {
        0 => pick(
            rng,
            &["0", "-1", "1.5", "-2.25", "12345678901234567890", "0.001", "99999999999999999999999999999999999999"],
        )
        .to_owned(),
        _ => rng.u32(..20).to_string(),
    }
}

/// A value of any type, not too deep.
fn value(rng: &mut Rng, depth: u8) -> Value {
    match rng.u8(..if depth == 0 { 8 } else { 11 }) {
        0..4 => json!({ "S": text(rng) }),
        4..6 => json!({ "N": number(rng) }),
        6 => json!({ "BOOL": rng.bool() }),
        7 => json!({ "NULL": true }),
        8 => json!({ "L": (0..rng.usize(..4)).map(|_| value(rng, depth - 1)).collect::<Vec<_>>() }),
        _ => json!({ "M": attributes(rng, depth - 1) }),
    }
}

const NAMES: [&str; 7] = ["n", "s", "m", "l", "as_of", "owner", "flag"];

fn attributes(rng: &mut Rng, depth: u8) -> Map<String, Value> {
    (0..rng.usize(..5)).map(|_| (pick(rng, &NAMES).to_owned(), value(rng, depth))).collect()
}

/// A key in the table. Few, so that places are taken.
pub(crate) fn key(rng: &mut Rng, table: &str) -> Map<String, Value> {
    let pk = json!({ "S": format!("stream#{}", rng.u8(..12)) });
    let mut key = Map::from_iter([("pk".to_owned(), pk)]);
    match table {
        "events" => key.insert("sk".to_owned(), json!({ "N": sort_number(rng) })),
        "rows" => key.insert("sk".to_owned(), json!({ "S": sort_text(rng) })),
        _ => None,
    };
    key
}

fn sort_number(rng: &mut Rng) -> String {
    if rng.u8(..20) == 0 { pick(rng, &["-3", "2.5", "1000000"]).to_owned() } else { rng.u8(1..25).to_string() }
}

fn sort_text(rng: &mut Rng) -> String {
    if rng.u8(..3) == 0 { "row".to_owned() } else { format!("v#{:02}", rng.u8(..20)) }
}

fn item(rng: &mut Rng, table: &str) -> Map<String, Value> {
    let mut item = key(rng, table);
    item.extend(attributes(rng, 3));
    if table == "rows" && rng.u8(..3) > 0 {
        item.insert("gsi".to_owned(), json!({ "S": format!("g{}", rng.u8(..3)) }));
        if rng.u8(..5) > 0 {
            item.insert("due".to_owned(), json!({ "S": format!("2026-0{}", rng.u8(1..9)) }));
        }
        if rng.bool() {
            item.insert("rank".to_owned(), json!({ "N": number(rng) }));
        }
    }
    if table == "claims" && rng.bool() {
        item.insert("user_id".to_owned(), json!({ "S": format!("u{}", rng.u8(..3)) }));
    }
    // Multi-megabyte pages.
    if rng.u16(..400) == 0 {
        let size = rng.usize(20_000..400_000);
        item.insert("text".to_owned(), json!({ "S": "x".repeat(size) }));
    }
    item
}

/// What an expression uses of the request.
#[derive(Default)]
struct Placeholders {
    names: Map<String, Value>,
    values: Map<String, Value>,
}

impl Placeholders {
    fn name(&mut self, name: &str) -> String {
        let placeholder = format!("#{name}");
        self.names.insert(placeholder.clone(), json!(name));
        placeholder
    }

    fn value(&mut self, value: Value) -> String {
        let placeholder = format!(":v{}", self.values.len());
        self.values.insert(placeholder.clone(), value);
        placeholder
    }

    fn path(&mut self, rng: &mut Rng) -> String {
        let first = pick(rng, &NAMES);
        let first = self.name(first);
        match rng.u8(..5) {
            0 => {
                let inner = pick(rng, &NAMES);
                format!("{first}.{}", self.name(inner))
            }
            1 => format!("{first}[{}]", rng.u8(..3)),
            _ => first,
        }
    }

    fn add_to(self, request: &mut Value) {
        if !self.names.is_empty() {
            request["ExpressionAttributeNames"] = Value::Object(self.names);
        }
        if !self.values.is_empty() {
            request["ExpressionAttributeValues"] = Value::Object(self.values);
        }
    }
}

/// A condition on attributes that are no keys.
fn condition(rng: &mut Rng, uses: &mut Placeholders, depth: u8) -> String {
    let kind = rng.u8(..if depth == 0 { 9 } else { 12 });
    let path = if kind < 10 { uses.path(rng) } else { String::new() };
    match kind {
        0 => format!("attribute_exists({path})"),
        1 => format!("attribute_not_exists({path})"),
        2 => format!("begins_with({path}, {})", uses.value(json!({ "S": text(rng) }))),
        3 => format!("contains({path}, {})", uses.value(value(rng, 1))),
        4 => {
            let (low, high) = (rng.u8(..10), rng.u8(10..20));
            let low = uses.value(json!({ "N": low.to_string() }));
            format!("{path} BETWEEN {low} AND {}", uses.value(json!({ "N": high.to_string() })))
        }
        5..9 => {
            let comparison = pick(rng, &["=", "<>", "<", "<=", ">", ">="]);
            let other = if rng.u8(..5) == 0 { uses.path(rng) } else { uses.value(value(rng, 1)) };
            format!("{path} {comparison} {other}")
        }
        9 => format!("NOT ({} OR {path} = {path})", condition(rng, uses, depth - 1)),
        10 => format!("{} AND {}", condition(rng, uses, depth - 1), condition(rng, uses, depth - 1)),
        _ => format!("{} or {}", condition(rng, uses, depth - 1), condition(rng, uses, depth - 1)),
    }
}

/// Puts a condition on a write, sometimes.
fn guard(rng: &mut Rng, write: &mut Value) {
    let mut uses = Placeholders::default();
    let expression = match rng.u8(..8) {
        0..2 => return,
        2..4 => "attribute_not_exists(pk)".to_owned(),
        4 => "attribute_exists(pk)".to_owned(),
        5 => {
            let expected = uses.value(json!({ "N": number(rng) }));
            format!("attribute_not_exists(pk) OR as_of = {expected}")
        }
        6 => {
            let owner = uses.name("owner");
            format!("attribute_not_exists(pk) OR {owner} = {}", uses.value(json!({ "S": text(rng) })))
        }
        _ => condition(rng, &mut uses, 2),
    };
    write["ConditionExpression"] = json!(expression);
    uses.add_to(write);
    if rng.bool() {
        write["ReturnValuesOnConditionCheckFailure"] = json!("ALL_OLD");
    }
}

fn put(rng: &mut Rng, table: &str) -> Value {
    let mut put = json!({ "TableName": table, "Item": item(rng, table) });
    guard(rng, &mut put);
    put
}

fn keyed(rng: &mut Rng, table: &str) -> Value {
    let mut keyed = json!({ "TableName": table, "Key": key(rng, table) });
    guard(rng, &mut keyed);
    keyed
}

fn transaction(rng: &mut Rng) -> Value {
    let actions: Vec<_> = (0..rng.usize(1..5))
        .map(|_| {
            let table = pick(rng, &TABLES);
            match rng.u8(..5) {
                0 => json!({ "Delete": keyed(rng, table) }),
                1 => {
                    let mut check = keyed(rng, table);
                    if check.get("ConditionExpression").is_none() {
                        check["ConditionExpression"] = json!("attribute_exists(pk)");
                    }
                    json!({ "ConditionCheck": check })
                }
                _ => json!({ "Put": put(rng, table) }),
            }
        })
        .collect();
    let mut transaction = json!({ "TransactItems": actions });
    if rng.bool() {
        // Some are used again for other transactions, which is refused.
        let number = if rng.u8(..8) == 0 { rng.u32(..100) } else { rng.u32(100..) };
        transaction["ClientRequestToken"] = json!(format!("token-{number}"));
    }
    transaction
}

fn batch_write(rng: &mut Rng) -> Value {
    let table = pick(rng, &TABLES);
    let writes: Vec<_> = (0..rng.usize(1..6))
        .map(|_| match rng.u8(..4) {
            0 => json!({ "DeleteRequest": { "Key": key(rng, table) } }),
            _ => json!({ "PutRequest": { "Item": item(rng, table) } }),
        })
        .collect();
    json!({ "RequestItems": { table: writes } })
}

fn batch_get(rng: &mut Rng) -> Value {
    let mut tables = Map::new();
    for _ in 0..rng.usize(1..3) {
        let table = pick(rng, &TABLES);
        let keys: Vec<_> = (0..rng.usize(1..8)).map(|_| key(rng, table)).collect();
        tables.insert(table.to_owned(), json!({ "Keys": keys, "ConsistentRead": true }));
    }
    json!({ "RequestItems": tables })
}

/// The partition key, the sort key and whether that is a number, of a table and of each index.
const QUERIED: [(&str, Option<&str>, &str, &str, bool); 6] = [
    ("events", None, "pk", "sk", true),
    ("events", None, "pk", "sk", true),
    ("rows", None, "pk", "sk", false),
    ("rows", Some("by-due"), "gsi", "due", false),
    ("rows", Some("by-rank"), "gsi", "rank", true),
    ("claims", Some("by-user"), "user_id", "pk", false),
];

fn sort_value(rng: &mut Rng, sk: &str) -> Value {
    match sk {
        "due" => json!({ "S": format!("2026-0{}", rng.u8(1..9)) }),
        "rank" => json!({ "N": number(rng) }),
        "pk" => json!({ "S": format!("stream#{}", rng.u8(..12)) }),
        _ => json!({ "S": sort_text(rng) }),
    }
}

fn query(rng: &mut Rng) -> Value {
    let (table, index, pk, sk, numeric) = QUERIED[rng.usize(..QUERIED.len())];
    let mut uses = Placeholders::default();
    let pk_value = match pk {
        "gsi" => format!("g{}", rng.u8(..3)),
        "user_id" => format!("u{}", rng.u8(..3)),
        _ => format!("stream#{}", rng.u8(..12)),
    };
    let (pk, sk_name) = (uses.name(pk), sk);
    let mut expression = format!("{pk} = {}", uses.value(json!({ "S": pk_value })));
    let sort = |rng: &mut Rng| {
        if table == "events" { json!({ "N": sort_number(rng) }) } else { sort_value(rng, sk_name) }
    };
    match rng.u8(..8) {
        0..2 => {}
        2..5 => {
            let comparison = pick(rng, &["=", "<", "<=", ">", ">="]);
            let (sk, other) = (uses.name(sk), uses.value(sort(rng)));
            expression = format!("{expression} AND {sk} {comparison} {other}");
        }
        5 if !numeric => {
            let prefix = pick(rng, &["v#", "v#0", "row", "2026-0", "2026-03", "stream#1", "x", "v#1"]);
            let (sk, prefix) = (uses.name(sk), uses.value(json!({ "S": prefix })));
            expression = format!("{expression} AND begins_with({sk}, {prefix})");
        }
        _ => {
            // One time in two with its ends the wrong way round, which is refused.
            let sk = uses.name(sk);
            let (low, high) = (uses.value(sort(rng)), uses.value(sort(rng)));
            expression = format!("{expression} AND {sk} BETWEEN {low} AND {high}");
        }
    }
    let mut query = json!({ "TableName": table, "KeyConditionExpression": expression });
    if let Some(index) = index {
        query["IndexName"] = json!(index);
    } else if rng.bool() {
        query["ConsistentRead"] = json!(true);
    }
    if rng.u8(..4) == 0 {
        query["FilterExpression"] = json!(filter(rng, &mut uses));
    }
    if rng.u8(..6) == 0 {
        query["ProjectionExpression"] = json!(format!("pk, as_of, {}", uses.name("n")));
    }
    if rng.bool() {
        query["ScanIndexForward"] = json!(rng.bool());
    }
    if rng.bool() {
        query["Limit"] = json!(rng.u8(1..8));
    }
    uses.add_to(&mut query);
    query
}

/// A condition of which the embedded engine checks no bounds: it takes a filter's BETWEEN the wrong way round.
fn filter(rng: &mut Rng, uses: &mut Placeholders) -> String {
    condition(rng, uses, 2)
}

/// A whole scan: how many segments, and the request of each page without its segment and start.
pub(crate) fn scan(rng: &mut Rng) -> (u8, Value) {
    let table = pick(rng, &TABLES);
    let mut uses = Placeholders::default();
    let mut scan = json!({ "TableName": table });
    match rng.u8(..4) {
        0 if table == "rows" => {
            scan["FilterExpression"] = json!(format!("sk = {}", uses.value(json!({ "S": "row" }))));
            scan["ProjectionExpression"] = json!("pk, as_of, parked");
        }
        1 => scan["FilterExpression"] = json!(filter(rng, &mut uses)),
        _ => {}
    }
    if rng.bool() {
        scan["Limit"] = json!(rng.u8(20..200));
    }
    uses.add_to(&mut scan);
    (rng.u8(1..5), scan)
}

/// Any request but a scan.
pub(crate) fn any(rng: &mut Rng) -> Request {
    let table = pick(rng, &TABLES);
    match rng.u8(..100) {
        0..30 => {
            let mut put = put(rng, table);
            if rng.u8(..4) == 0 {
                put["ReturnValues"] = json!("ALL_OLD");
            }
            ("PutItem", put)
        }
        30..36 => {
            let mut delete = keyed(rng, table);
            if rng.bool() {
                delete["ReturnValues"] = json!("ALL_OLD");
            }
            ("DeleteItem", delete)
        }
        36..46 => ("GetItem", json!({ "TableName": table, "Key": key(rng, table), "ConsistentRead": true })),
        46..68 => ("Query", query(rng)),
        68..76 => ("BatchGetItem", batch_get(rng)),
        76..82 => ("BatchWriteItem", batch_write(rng)),
        82..93 => ("TransactWriteItems", transaction(rng)),
        _ => malformed(rng),
    }
}

/// A request with something wrong.
fn malformed(rng: &mut Rng) -> Request {
    let (operation, mut request) = match rng.u8(..6) {
        0 => ("PutItem", put(rng, "rows")),
        1 => ("DeleteItem", keyed(rng, "events")),
        2 => ("Query", query(rng)),
        3 => ("BatchGetItem", batch_get(rng)),
        4 => (
            "TransactWriteItems",
            json!({ "TransactItems": [{ "Put": put(rng, "rows") }, { "Delete": keyed(rng, "claims") }] }),
        ),
        _ => ("GetItem", json!({ "TableName": "events", "Key": key(rng, "events") })),
    };
    let places = damage(operation);
    let (pointer, replacement) = places[rng.usize(..places.len())].clone();
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    if let Some(Value::Object(parent)) = request.pointer_mut(parent) {
        if replacement.is_null() {
            parent.remove(name);
        } else {
            parent.insert(name.to_owned(), replacement);
        }
    }
    (operation, request)
}

/// What is put where, or with null taken away.
fn damage(operation: &str) -> Vec<(String, Value)> {
    let deep = (0..34).fold(json!({ "S": "x" }), |inner, _| json!({ "L": [inner] }));
    let item = |at: &str| {
        vec![
            (format!("{at}/pk"), Value::Null),
            (format!("{at}/pk"), json!({ "S": "" })),
            (format!("{at}/pk"), json!({ "N": "1" })),
            (format!("{at}/sk"), Value::Null),
            (format!("{at}/sk"), json!({ "S": "" })),
            (format!("{at}/sk"), json!({ "BOOL": true })),
            (format!("{at}/pk"), json!({ "S": "p".repeat(2049) })),
            (format!("{at}/sk"), json!({ "S": "s".repeat(1025) })),
        ]
    };
    let values = |at: &str| {
        vec![
            (format!("{at}/x"), json!({ "S": "a", "N": "1" })),
            (format!("{at}/x"), json!({})),
            (format!("{at}/x"), json!({ "N": "no number" })),
            (format!("{at}/x"), json!({ "N": "1e400" })),
            (format!("{at}/x"), json!({ "S": 5 })),
            (format!("{at}/x"), json!({ "NULL": false })),
            (format!("{at}/x"), deep.clone()),
            (format!("{at}/x"), json!({ "S": "x".repeat(410_000) })),
            (format!("{at}/gsi"), json!({ "S": "" })),
            (format!("{at}/due"), json!({ "N": "1" })),
            (format!("{at}/rank"), json!({ "S": "1" })),
        ]
    };
    let expression = |at: &str| {
        let name = "ConditionExpression";
        let text = |text: &str| (format!("{at}/{name}"), json!(text));
        vec![
            text(""),
            text("status = :x"),
            text("attribute_exists(pk"),
            text("attribute_exists(pk) attribute_exists(sk)"),
            text("((attribute_exists(pk)))"),
            text("#unknown = :unknown"),
            text("no_function(pk)"),
            (format!("{at}/ExpressionAttributeValues"), json!({ ":unused": { "S": "a" } })),
            (format!("{at}/ExpressionAttributeNames"), json!({ "#unused": "a" })),
            (format!("{at}/ExpressionAttributeValues"), json!({})),
            (format!("{at}/ReturnValuesOnConditionCheckFailure"), json!("SOMETHING")),
        ]
    };
    let table =
        |at: &str| vec![(format!("{at}/TableName"), json!("no-such-table")), (format!("{at}/TableName"), Value::Null)];
    let all = |lists: Vec<Vec<_>>| lists.into_iter().flatten().collect();
    match operation {
        "PutItem" => {
            let further = vec![("/ReturnValues".to_owned(), json!("ALL_NEW")), ("/Item".to_owned(), Value::Null)];
            all(vec![item("/Item"), values("/Item"), expression(""), table(""), further])
        }
        "DeleteItem" => {
            let further = vec![("/Key/further".to_owned(), json!({ "S": "a" })), ("/Key".to_owned(), json!({}))];
            all(vec![item("/Key"), expression(""), table(""), further])
        }
        "GetItem" => {
            let further = vec![("/Key/further".to_owned(), json!({ "S": "a" })), ("/Key".to_owned(), json!({}))];
            all(vec![item("/Key"), table(""), further])
        }
        "Query" => {
            let text = |text: &str| ("/KeyConditionExpression".to_owned(), json!(text));
            let further = vec![
                text(""),
                text("pk = :p OR sk = :s"),
                text("pk > :p"),
                ("/KeyConditionExpression".to_owned(), Value::Null),
                ("/Limit".to_owned(), json!(0)),
                ("/Limit".to_owned(), json!(-1)),
                ("/IndexName".to_owned(), json!("no-such-index")),
                ("/ExclusiveStartKey".to_owned(), json!({ "pk": { "S": "stream#99" } })),
                ("/ExclusiveStartKey".to_owned(), json!({ "pk": { "S": "a" }, "sk": { "BOOL": true } })),
                ("/FilterExpression".to_owned(), json!("pk = :v0")),
                ("/ExpressionAttributeValues/:unused".to_owned(), json!({ "S": "a" })),
                ("/ExpressionAttributeNames/#unused".to_owned(), json!("a")),
                ("/ExpressionAttributeValues/:v0".to_owned(), Value::Null),
                ("/ExpressionAttributeValues/:v0".to_owned(), json!({ "N": "1" })),
                ("/ExpressionAttributeValues/:v1".to_owned(), json!({ "BOOL": true })),
            ];
            all(vec![table(""), further])
        }
        "BatchGetItem" => vec![
            ("/RequestItems".to_owned(), json!({})),
            ("/RequestItems/rows".to_owned(), json!({ "Keys": [] })),
            ("/RequestItems/rows".to_owned(), json!({ "Keys": [{ "pk": { "S": "a" } }] })),
            ("/RequestItems/claims".to_owned(), json!({ "Keys": [{ "pk": { "S": "a" } }, { "pk": { "S": "a" } }] })),
            ("/RequestItems/no-such-table".to_owned(), json!({ "Keys": [{ "pk": { "S": "a" } }] })),
            (
                "/RequestItems/claims".to_owned(),
                json!({ "Keys": (0..101).map(|n| json!({ "pk": { "S": n.to_string() } })).collect::<Vec<_>>() }),
            ),
        ],
        _ => {
            let mut put = expression("/TransactItems/0/Put");
            // The engine takes placeholders that are an empty map in a transaction, unlike elsewhere.
            put.retain(|(_, replacement)| *replacement != json!({}));
            let further = vec![
                ("/TransactItems".to_owned(), json!([])),
                ("/TransactItems/1".to_owned(), json!({})),
                ("/ClientRequestToken".to_owned(), json!("t".repeat(37))),
            ];
            all(vec![
                item("/TransactItems/0/Put/Item"),
                values("/TransactItems/0/Put/Item"),
                put,
                table("/TransactItems/0/Put"),
                item("/TransactItems/1/Delete/Key"),
                further,
            ])
        }
    }
}
