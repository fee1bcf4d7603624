//! Files that are not read, or no further than is needed to see that.

use crate::import::{Field, FileProblem, Options, TaskFile};

#[test]
fn a_file_that_cannot_be_read_says_why() {
    let refused = |bytes: &[u8], options: Options| TaskFile::read(bytes, options, 2).unwrap_err().to_string();
    assert_eq!(refused(b" \n", Options::default()), "there is nothing in it");
    assert_eq!(
        refused(b"colour,size\nred,1\n", Options::default()),
        "no column is known as the title of the tasks: say which of [\"colour\", \"size\"] it is"
    );
    assert_eq!(
        refused(b"title\n1\n2\n3\n", Options::default()),
        "it has more tasks than the 2 that may come at once: cut it into parts"
    );
    let named = Options { columns: [(Field::Title, "Was".to_owned())].into(), ..Options::default() };
    assert_eq!(refused(b"colour,size\nred,1\n", named), "there is no column \"Was\" for title");
    let broken = refused(b"{\"cards\": [", Options::default());
    assert!(broken.starts_with("it is no export of Trello that is known here: EOF"), "{broken}");
    assert_eq!(refused(b"title\n\"open\n", Options::default()), "the quoted field that begins on line 2 does not end");
}

#[test]
fn a_file_is_read_no_further_than_to_the_first_task_too_many() {
    let refused = |bytes: &[u8]| TaskFile::read(bytes, Options::default(), 2).unwrap_err();
    for bytes in [
        b"title\n1\n2\n3\n\"does not end".as_slice(),
        b"TYPE,CONTENT\ntask,1\nnote,x\ntask,2\ntask,3\ntask,\"does not end",
        br#"{ "items": [{ "id": 1, "content": "1" }, { "id": 2, "content": "2" }, { "id": 3, "content": "3" }] }"#,
        br#"{ "cards": [{ "id": "1", "name": "1", "idList": "" }, { "id": "2", "name": "2", "idList": "" },
            { "id": "3", "name": "3", "idList": "" }] }"#,
    ] {
        let refused = refused(bytes);
        assert!(matches!(refused, FileProblem::TooManyTasks { max: 2 }), "{refused}");
    }
    let wide = format!("title\nx{}\n", ",".repeat(200));
    assert_eq!(refused(wide.as_bytes()).to_string(), "line 2: a row has at most 200 values");
}
