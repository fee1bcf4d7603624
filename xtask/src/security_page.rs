//! Whether `docs/security.md` says what it has to: each requirement of ASVS once, a test for each that is met or why there is nothing
//! to test, what is open of each that is met in part, and no test that is not there.

use std::collections::BTreeMap;
use std::fs;

use cargo_metadata::camino::{Utf8Path, Utf8PathBuf};

use crate::failure::Failure;

/// The page.
const PAGE: &str = "docs/security.md";
/// The ids of ASVS 5.0.0, levels 1 and 2, one a line.
const REQUIREMENTS: &str = "docs/asvs-5.0.0-levels-1-and-2.txt";

/// Fails with everything that is missing, said twice, or named and not there.
pub(crate) fn check(root: &Utf8Path) -> Result<(), Failure> {
    let read = |path: Utf8PathBuf| fs::read_to_string(&path).map_err(|source| Failure::File { path, source });
    let (page, wanted) = (read(root.join(PAGE))?, read(root.join(REQUIREMENTS))?);
    let mut wrong = requirements(&page, wanted.lines());
    wrong.extend(unproven(&page));
    wrong.extend(references(&page).filter_map(|reference| missing(root, reference)));
    if wrong.is_empty() { Ok(()) } else { Err(Failure::SecurityPage(wrong)) }
}

/// What is wrong with the requirements that the page names in the first column of its tables.
fn requirements<'a>(page: &str, wanted: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut times: BTreeMap<&str, usize> = wanted.map(|id| (id, 0)).collect();
    let mut wrong = Vec::new();
    let named = page.lines().filter_map(|line| line.strip_prefix("| V")).filter_map(|line| line.split('|').next());
    for id in named.flat_map(|column| column.split(',')).map(|id| id.trim().trim_start_matches('V')) {
        match times.get_mut(id) {
            Some(times) => *times += 1,
            None => wrong.push(format!("V{id} is no requirement of {REQUIREMENTS}")),
        }
    }
    let not_once = times.into_iter().filter(|(_, times)| *times != 1);
    wrong.extend(not_once.map(|(id, times)| format!("V{id} is there {times} times")));
    wrong
}

/// What a requirement that is met, and that no test shows, says instead of one.
const NOTHING_TO_TEST: &str = "nothing to test: ";
/// What a requirement that is met in part says of the rest.
const OPEN: &str = "open: ";

/// The requirements of which the page says more than it shows: met without a test or a reason why there is none, or met in part
/// without what is open.
fn unproven(page: &str) -> impl Iterator<Item = String> {
    page.lines().filter_map(|line| {
        let (ids, rest) = line.strip_prefix("| V")?.split_once(" | ")?;
        let (state, how) = rest.split_once(" | ")?;
        let says = |words: &str| how.split_once(words).is_some_and(|(_, why)| why.trim_matches([' ', '|']).len() > 3);
        match state {
            "met" if !says(NOTHING_TO_TEST) && !references(how).any(|reference| reference.contains("::")) => {
                Some(format!("V{ids} names no test, and not why there is nothing to test"))
            }
            "in part" if !says(OPEN) => Some(format!("V{ids} is met in part, and does not say what is open")),
            _ => None,
        }
    })
}

/// What stands between backquotes and looks like a test or a file. A test's name may be a sentence, a file's may not.
fn references(page: &str) -> impl Iterator<Item = &str> {
    let quoted = page.split('`').skip(1).step_by(2);
    quoted.filter(|text| {
        let file = text.split_once("::").map_or(*text, |(file, _)| file);
        file.contains('/') && !file.starts_with('/') && !file.contains([' ', '{', '<'])
    })
}

/// What is wrong with a reference, if anything is: `file::test`, or a file alone. `http/` is `tests/http/`. A file of TypeScript has its
/// extension, and its tests are named by sentences.
fn missing(root: &Utf8Path, reference: &str) -> Option<String> {
    let (file, test) = match reference.split_once("::") {
        Some((file, test)) => (file, Some(test)),
        None => (reference, None),
    };
    let file = file.strip_prefix("http/").map_or_else(|| file.to_owned(), |rest| format!("tests/http/{rest}"));
    let (as_it_is, source) = (root.join(&file), root.join(format!("{file}.rs")));
    let Some(test) = test else {
        let there = as_it_is.exists() || source.exists();
        return (!there).then(|| format!("{reference} is not there"));
    };
    let (source, named) = match as_it_is.extension() {
        Some("ts") => (as_it_is, vec![format!("(\"{test}\", ")]),
        // What several stores must do takes each as a type.
        Some(_) | None => (source, vec![format!("fn {test}("), format!("fn {test}<")]),
    };
    let there = fs::read_to_string(source).is_ok_and(|code| named.iter().any(|named| code.contains(named)));
    (!there).then(|| format!("there is no test {reference}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_requirement_is_there_once() {
        let page = "| id | |\n| V1.1.1, V1.1.2 | a |\n| V1.1.2 | b |\n| V9.9.9 | c |\nV1.2.1 in a sentence\n";
        let wrong = requirements(page, ["1.1.1", "1.1.2", "1.2.1"].into_iter());
        let expected = [
            "V9.9.9 is no requirement of docs/asvs-5.0.0-levels-1-and-2.txt",
            "V1.1.2 is there 2 times",
            "V1.2.1 is there 0 times",
        ];
        assert_eq!(wrong, expected);
    }

    #[test]
    fn what_is_met_names_a_test_or_why_there_is_none_and_what_is_met_in_part_says_what_is_open() {
        let page = "\
| V1.1.1 | met | a test: `http/a::b` |
| V1.1.2, V1.1.3 | met | a file: `http/a`, and `GET /users` |
| V1.1.4 | met | nothing to test: there is none |
| V1.1.5 | met | nothing to test:  |
| V1.2.1 | in part | most of it: `http/a::b` |
| V1.2.2 | in part | open: the rest |
| V1.2.3 | does not apply | no such thing |
";
        let expected = [
            "V1.1.2, V1.1.3 names no test, and not why there is nothing to test",
            "V1.1.5 names no test, and not why there is nothing to test",
            "V1.2.1 is met in part, and does not say what is open",
        ];
        assert_eq!(unproven(page).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn what_is_quoted_and_has_a_slash_is_a_file_or_a_test() {
        let page = "`http/a::b`, `ES256`, `infra/cdk/test/web.test.ts`, `a/b.test.ts::says so`; `POST /users` and `/healthz`, `/{id}`";
        let expected = ["http/a::b", "infra/cdk/test/web.test.ts", "a/b.test.ts::says so"];
        assert_eq!(references(page).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn the_page_is_as_it_must_be() {
        let root = Utf8Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        if let Err(failure) = check(root) {
            panic!("{failure}");
        }
    }

    #[test]
    fn a_test_that_is_not_there_is_missed() {
        let root = Utf8Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let of = |reference| missing(root, reference);
        assert_eq!(of("xtask/src/security_page::a_test_that_is_not_there_is_missed"), None);
        let of_typescript = "infra/cdk/test/web.test.ts::are read by the distribution alone";
        assert_eq!(of(of_typescript), None);
        let missed = of("infra/cdk/test/web.test.ts::nothing");
        assert_eq!(missed.as_deref(), Some("there is no test infra/cdk/test/web.test.ts::nothing"));
        assert_eq!(of("xtask/src/nothing").as_deref(), Some("xtask/src/nothing is not there"));
        assert_eq!(of("http/tokens::nothing").as_deref(), Some("there is no test http/tokens::nothing"));
    }
}
