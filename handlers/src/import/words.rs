//! What other programs call a status or a priority.

use muster_domain::task::{Priority, Status};

/// Text as it is compared: small letters and digits alone.
pub(super) fn plain(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// What is said of a task nobody works on yet, somebody works on, and that is done.
const STATUSES: [(Status, &[&str]); 3] = [
    (
        Status::Todo,
        &[
            "todo",
            "todos",
            "tobedone",
            "open",
            "opened",
            "new",
            "backlog",
            "inbox",
            "ideas",
            "planned",
            "ready",
            "next",
            "nextup",
            "notstarted",
            "pending",
            "unstarted",
            "reopened",
            "thisweek",
            "today",
            "incoming",
            "requested",
            "triage",
            "selected",
            "selectedfordevelopment",
            "offen",
            "neu",
            "zuerledigen",
            "afaire",
            "porhacer",
            "pendiente",
            "dafare",
            "fazer",
            "false",
            "no",
            "0",
        ],
    ),
    (
        Status::InProgress,
        &[
            "inprogress",
            "doing",
            "wip",
            "workinprogress",
            "started",
            "active",
            "ongoing",
            "underway",
            "working",
            "inwork",
            "review",
            "inreview",
            "testing",
            "intest",
            "verify",
            "inarbeit",
            "inbearbeitung",
            "begonnen",
            "encours",
            "enprogreso",
            "encurso",
            "incorso",
            "emandamento",
        ],
    ),
    (
        Status::Completed,
        &[
            "done",
            "complete",
            "completed",
            "closed",
            "resolved",
            "finished",
            "fixed",
            "shipped",
            "released",
            "delivered",
            "archived",
            "erledigt",
            "fertig",
            "abgeschlossen",
            "geschlossen",
            "termine",
            "terminé",
            "fait",
            "hecho",
            "terminado",
            "completado",
            "fatto",
            "completato",
            "concluido",
            "concluído",
            "true",
            "yes",
            "1",
            "x",
        ],
    ),
];

/// The status of this name, if it is one that programs use.
pub(super) fn status(text: &str) -> Option<Status> {
    let text = plain(text);
    STATUSES.iter().find(|(_, words)| words.contains(&text.as_str())).map(|(status, _)| *status)
}

const PRIORITIES: [(Priority, &[&str]); 4] = [
    (
        Priority::Critical,
        &[
            "critical",
            "urgent",
            "highest",
            "blocker",
            "emergency",
            "immediate",
            "p0",
            "1critical",
            "1urgent",
            "1highest",
            "kritisch",
            "dringend",
            "urgente",
            "critique",
            "sofort",
        ],
    ),
    (
        Priority::High,
        &["high", "major", "important", "p1", "2high", "hoch", "wichtig", "haute", "élevée", "alta", "alto"],
    ),
    (
        Priority::Medium,
        &[
            "medium", "normal", "moderate", "default", "none", "p2", "3medium", "3normal", "mittel", "moyenne",
            "media", "medio", "média",
        ],
    ),
    (
        Priority::Low,
        &[
            "low", "minor", "trivial", "lowest", "p3", "p4", "4low", "5lowest", "niedrig", "gering", "basse", "faible",
            "baja", "baixa", "bassa",
        ],
    ),
];

/// The priority of this name, if it is one that programs use.
pub(super) fn priority(text: &str) -> Option<Priority> {
    let text = plain(text);
    PRIORITIES.iter().find(|(_, words)| words.contains(&text.as_str())).map(|(priority, _)| *priority)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_other_programs_are_known_however_they_are_written() {
        for (text, expected) in [
            ("To Do", Some(Status::Todo)),
            ("in-progress", Some(Status::InProgress)),
            ("IN_PROGRESS", Some(Status::InProgress)),
            ("Erledigt ✔", Some(Status::Completed)),
            ("waiting for parts", None),
            ("", None),
        ] {
            assert_eq!(status(text), expected, "{text:?}");
        }
        assert_eq!(priority("P1"), Some(Priority::High));
        assert_eq!(priority("1 - Critical"), Some(Priority::Critical));
        assert_eq!(priority("so so"), None);
    }

    #[test]
    fn no_word_has_two_meanings_and_each_is_written_as_it_is_compared() {
        let statuses: Vec<_> = STATUSES.iter().flat_map(|(_, words)| *words).collect();
        let priorities: Vec<_> = PRIORITIES.iter().flat_map(|(_, words)| *words).collect();
        for words in [statuses, priorities] {
            for (number, word) in words.iter().enumerate() {
                assert_eq!(plain(word), **word);
                assert!(!words[..number].contains(word), "{word} is there twice");
            }
        }
        for status in Status::ALL {
            assert_eq!(super::status(status.as_str()), Some(*status));
        }
        for priority in Priority::ALL {
            assert_eq!(super::priority(priority.as_str()), Some(*priority));
        }
    }
}
