//! The two shapes that repeat in this crate: an id, and an enum of events.

/// A newtype over a UUID that cannot be mistaken for another kind of id.
macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(
            Clone,
            Copy,
            PartialEq,
            Eq,
            PartialOrd,
            Ord,
            Hash,
            serde::Serialize,
            serde::Deserialize,
            schemars::JsonSchema,
            utoipa::ToSchema,
        )]
        #[serde(transparent)]
        #[schema(value_type = uuid::Uuid)]
        pub struct $name(pub uuid::Uuid);

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, "{}({})", stringify!($name), self.0)
            }
        }

        impl std::str::FromStr for $name {
            type Err = uuid::Error;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse().map(Self)
            }
        }

        impl From<uuid::Uuid> for $name {
            fn from(id: uuid::Uuid) -> Self {
                Self(id)
            }
        }
    };
}

/// The events of one aggregate: an enum whose variants are named like their payload structs, each with the number of
/// its present schema and the fields that hold personal data, with what they read as once it is erased. Gives `event_type`, `schema`, and `KINDS`, from which the published JSON Schemas are made.
macro_rules! events {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $schema:literal $({ $($field:ident: $placeholder:ident),+ })?),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
        #[serde(tag = "type", content = "data")]
        pub enum $name {
            $($(#[$variant_doc])* $variant($variant)),+
        }

        impl $name {
            /// Every event type of this aggregate, at its present schema.
            pub const KINDS: &'static [crate::event::EventKind] = &[
                $(crate::event::EventKind {
                    event_type: stringify!($variant),
                    schema: $schema,
                    json_schema: || schemars::schema_for!($variant),
                    personal: &[$($(crate::personal::PersonalField {
                        name: stringify!($field),
                        placeholder: crate::personal::Placeholder::$placeholder,
                    }),+)?],
                }),+
            ];

            /// The name of this event's type: past tense, and for ever.
            pub const fn event_type(&self) -> &'static str {
                match self { $(Self::$variant(_) => stringify!($variant)),+ }
            }

            /// The version of the payload's shape that this code writes.
            pub const fn schema(&self) -> u32 {
                match self { $(Self::$variant(_) => $schema),+ }
            }
        }

        impl cqrs_es::DomainEvent for $name {
            fn event_type(&self) -> String {
                self.event_type().to_owned()
            }
            fn event_version(&self) -> String {
                self.schema().to_string()
            }
        }

        $(impl From<$variant> for $name {
            fn from(event: $variant) -> Self {
                Self::$variant(event)
            }
        })+
    };
}

pub(crate) use {events, id};
