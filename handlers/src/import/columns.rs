//! Which column of a table is which field of a task.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::words::plain;

/// A field of a task that a column can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Field {
    /// What is to be done, in a line.
    Title,
    /// What is to be done, in Markdown.
    Description,
    /// How far it has come.
    Status,
    /// How much hurry there is.
    Priority,
    /// What it is grouped by, separated by commas, semicolons or bars.
    Labels,
    /// Where it is to be done, in words.
    Location,
    /// When it is to be done.
    Deadline,
    /// Who is to do it.
    Assignee,
    /// Who wrote it.
    Author,
    /// When it was created.
    CreatedAt,
    /// When it was completed.
    CompletedAt,
    /// What it is called there.
    ExternalId,
}

impl Field {
    /// Every field.
    pub const ALL: [Self; 12] = [
        Self::Title,
        Self::Description,
        Self::Status,
        Self::Priority,
        Self::Labels,
        Self::Location,
        Self::Deadline,
        Self::Assignee,
        Self::Author,
        Self::CreatedAt,
        Self::CompletedAt,
        Self::ExternalId,
    ];

    /// The word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Title => "title",
            Self::Description => "description",
            Self::Status => "status",
            Self::Priority => "priority",
            Self::Labels => "labels",
            Self::Location => "location",
            Self::Deadline => "deadline",
            Self::Assignee => "assignee",
            Self::Author => "author",
            Self::CreatedAt => "created_at",
            Self::CompletedAt => "completed_at",
            Self::ExternalId => "external_id",
        }
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What the columns of other programs are called. The first column that fits is taken, and of two the one whose name stands first.
const NAMES: [(Field, &[&str]); 12] = [
    (
        Field::Title,
        &[
            "title",
            "summary",
            "subject",
            "taskname",
            "task",
            "name",
            "issue",
            "todo",
            "cardname",
            "cardtitle",
            "content",
            "headline",
            "workitem",
            "titel",
            "betreff",
            "aufgabe",
            "bezeichnung",
            "titre",
            "sujet",
            "tâche",
            "título",
            "titulo",
            "asunto",
            "tarea",
            "tarefa",
            "titolo",
            "oggetto",
        ],
    ),
    (
        Field::Description,
        &[
            "description",
            "details",
            "notes",
            "note",
            "body",
            "desc",
            "carddescription",
            "text",
            "comment",
            "beschreibung",
            "notizen",
            "bemerkung",
            "descripción",
            "descripcion",
            "descrição",
            "descrizione",
            "remarques",
        ],
    ),
    (
        Field::Status,
        &[
            "status",
            "state",
            "column",
            "list",
            "listname",
            "stage",
            "progress",
            "section",
            "sectioncolumn",
            "iscompleted",
            "completed",
            "done",
            "bucketname",
            "zustand",
            "stand",
            "statut",
            "état",
            "estado",
            "stato",
        ],
    ),
    (
        Field::Priority,
        &[
            "priority",
            "prio",
            "urgency",
            "importance",
            "severity",
            "priorität",
            "dringlichkeit",
            "priorité",
            "prioridad",
            "priorità",
            "prioridade",
        ],
    ),
    (
        Field::Labels,
        &[
            "labels",
            "label",
            "tags",
            "tag",
            "categories",
            "category",
            "keywords",
            "etiketten",
            "schlagworte",
            "kategorie",
            "étiquettes",
            "etiquetas",
            "etichette",
        ],
    ),
    (
        Field::Location,
        &[
            "location",
            "place",
            "address",
            "site",
            "building",
            "room",
            "ort",
            "adresse",
            "standort",
            "lieu",
            "ubicación",
            "dirección",
            "luogo",
            "local",
        ],
    ),
    (
        Field::Deadline,
        &[
            "deadline",
            "duedate",
            "due",
            "dueat",
            "dueon",
            "dueby",
            "finishby",
            "targetdate",
            "enddate",
            "fällig",
            "fälligam",
            "fälligkeit",
            "fälligkeitsdatum",
            "frist",
            "termin",
            "échéance",
            "datedéchéance",
            "vencimiento",
            "fechalímite",
            "scadenza",
            "prazo",
        ],
    ),
    (
        Field::Assignee,
        &[
            "assignee",
            "assignedto",
            "assigneeemail",
            "assignees",
            "owner",
            "responsible",
            "responsibleperson",
            "members",
            "member",
            "who",
            "zuständig",
            "zugewiesen",
            "zugewiesenan",
            "bearbeiter",
            "verantwortlich",
            "assignéà",
            "responsable",
            "asignadoa",
            "responsabile",
            "responsável",
        ],
    ),
    (
        Field::Author,
        &[
            "author",
            "reporter",
            "createdby",
            "creator",
            "requester",
            "requestedby",
            "reportedby",
            "openedby",
            "ersteller",
            "erstelltvon",
            "gemeldetvon",
            "auteur",
            "créépar",
            "autor",
            "creadopor",
            "autore",
        ],
    ),
    (
        Field::CreatedAt,
        &[
            "created",
            "createdat",
            "createdon",
            "datecreated",
            "createddate",
            "creationdate",
            "opened",
            "openedat",
            "reportedat",
            "dateadded",
            "added",
            "addedat",
            "erstellt",
            "erstelltam",
            "angelegt",
            "créé",
            "crééle",
            "datedecréation",
            "creado",
            "fechadecreación",
            "creatoil",
            "criado",
        ],
    ),
    (
        Field::CompletedAt,
        &[
            "completedat",
            "completedon",
            "completiondate",
            "datecompleted",
            "completeddate",
            "closedat",
            "closed",
            "resolved",
            "resolvedat",
            "resolutiondate",
            "finishedat",
            "finished",
            "doneat",
            "erledigtam",
            "abgeschlossenam",
            "terminéle",
            "completado",
            "fechadefin",
            "completatoil",
            "concluídoem",
        ],
    ),
    (
        Field::ExternalId,
        &[
            "id",
            "key",
            "issuekey",
            "issueid",
            "taskid",
            "cardid",
            "number",
            "no",
            "nr",
            "ticket",
            "ticketid",
            "ref",
            "reference",
            "externalid",
            "workitemid",
            "nummer",
            "vorgang",
            "numéro",
            "número",
        ],
    ),
];

/// A column, and what it is taken for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct ColumnGuess {
    /// Its name in the file.
    pub header: String,
    /// The field, if it is one.
    #[schema(required)]
    pub field: Option<Field>,
}

/// A column that was named and is not there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct NoSuchColumn {
    pub(super) field: Field,
    pub(super) header: String,
}

/// Which field each column is: as the caller says, else by its name. A column that is none is left out of the tasks.
pub(super) fn assign(headers: &[String], said: &BTreeMap<Field, String>) -> (Vec<ColumnGuess>, Vec<NoSuchColumn>) {
    let mut columns: Vec<ColumnGuess> =
        headers.iter().map(|header| ColumnGuess { header: header.trim().to_owned(), field: None }).collect();
    let mut missing = Vec::new();
    for (field, header) in said {
        match columns.iter_mut().find(|column| column.header == header.trim()) {
            Some(column) => column.field = Some(*field),
            None => missing.push(NoSuchColumn { field: *field, header: header.clone() }),
        }
    }
    for (field, names) in NAMES {
        if said.contains_key(&field) {
            continue;
        }
        let free = |column: &ColumnGuess| column.field.is_none();
        let found = names
            .iter()
            .find_map(|name| columns.iter().position(|column| free(column) && plain(&column.header) == **name));
        if let Some(column) = found.and_then(|found| columns.get_mut(found)) {
            column.field = Some(field);
        }
    }
    (columns, missing)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(headers: &[&str], said: &[(Field, &str)]) -> Vec<Option<Field>> {
        let headers: Vec<_> = headers.iter().map(ToString::to_string).collect();
        let said = said.iter().map(|(field, header)| (*field, (*header).to_owned())).collect();
        assign(&headers, &said).0.into_iter().map(|column| column.field).collect()
    }

    #[test]
    fn columns_are_known_by_the_names_that_programs_give_them() {
        assert_eq!(
            fields(&["Issue key", "Summary", "Due Date", "Assignee", "Colour", "Created"], &[]),
            [
                Some(Field::ExternalId),
                Some(Field::Title),
                Some(Field::Deadline),
                Some(Field::Assignee),
                None,
                Some(Field::CreatedAt)
            ]
        );
        assert_eq!(fields(&["Titel", "Fällig am"], &[]), [Some(Field::Title), Some(Field::Deadline)]);
    }

    #[test]
    fn of_two_that_fit_the_better_name_counts_and_each_field_has_one_column() {
        assert_eq!(
            fields(&["Name", "Title", "Notes", "Description"], &[]),
            [None, Some(Field::Title), None, Some(Field::Description)]
        );
    }

    #[test]
    fn what_the_caller_says_counts_before_the_names() {
        let said = [(Field::Title, "Notes"), (Field::Deadline, "Wann")];
        assert_eq!(fields(&["Title", "Notes", " Wann "], &said), [None, Some(Field::Title), Some(Field::Deadline)]);
        let headers = ["Title".to_owned()];
        let (_, missing) = assign(&headers, &[(Field::Status, "Lane".to_owned())].into());
        assert_eq!(missing, [NoSuchColumn { field: Field::Status, header: "Lane".to_owned() }]);
    }

    #[test]
    fn a_field_is_called_the_same_in_json_and_on_the_command_line() {
        for field in Field::ALL {
            assert_eq!(serde_json::to_value(field).unwrap(), field.as_str());
        }
    }

    #[test]
    fn every_name_is_written_as_it_is_compared_and_means_one_field() {
        let names: Vec<_> = NAMES.iter().flat_map(|(_, names)| *names).collect();
        for (number, name) in names.iter().enumerate() {
            assert_eq!(plain(name), **name);
            assert!(!names[..number].contains(name), "{name} is there twice");
        }
    }
}
