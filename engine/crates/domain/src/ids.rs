//! Ids: ULIDs that show what they name, such as `art_01J9ZQ7…`. They sort by time of creation.

use std::fmt;
use std::str::FromStr;
use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, Utc};
use ulid::{Generator, Ulid};

use crate::{Error, codes};

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub Ulid);

        impl $name {
            pub const PREFIX: &'static str = $prefix;

            /// A new id of this instant, later than all that this process made before.
            pub fn new() -> Self {
                Self(next_ulid())
            }

            /// A new id, later than that one, also where that was made by a clock that is ahead of ours.
            pub fn after(other: Self) -> Self {
                let new = Self::new();
                match new > other {
                    true => new,
                    false => Self(Ulid::from_parts(other.0.timestamp_ms() + 1, new.0.random())),
                }
            }

            /// A new id of that instant, in no order with others of its millisecond.
            pub fn at(instant: DateTime<Utc>) -> Self {
                Self(Ulid::from_datetime(instant.into()))
            }
        }

        impl Default for $name {
            fn default() -> Self {
                Self::new()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}_{}", $prefix, self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = Error;

            fn from_str(text: &str) -> Result<Self, Error> {
                text.strip_prefix(concat!($prefix, "_"))
                    .and_then(|rest| Ulid::from_string(rest).ok())
                    .map(Self)
                    .ok_or_else(|| {
                        Error::new(
                            &codes::INVALID_INPUT,
                            format!(concat!("`{}` is no id of the form `", $prefix, "_<ULID>`"), text),
                        )
                    })
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

/// Rises also within a millisecond, so that lists and the event log keep the order of what happened.
fn next_ulid() -> Ulid {
    static GENERATOR: Mutex<Generator> = Mutex::new(Generator::new());
    let mut generator = GENERATOR.lock().unwrap_or_else(PoisonError::into_inner);
    // It can only fail after 2^80 ids of one millisecond.
    generator.generate().unwrap_or_else(|_| Ulid::new())
}

id!(UserId, "usr");
id!(
    /// One refresh token of one sign-in family.
    SessionId, "ses"
);
id!(ArticleId, "art");
id!(JobId, "job");
id!(
    /// Jobs that were asked for together.
    BatchId, "bat"
);
id!(EventId, "evt");
id!(UsageId, "use");
id!(KeyId, "key");
id!(InvitationId, "inv");
id!(ApiKeyId, "apk");
id!(ProjectId, "prj");
id!(PromptId, "prm");
id!(
    /// What was found, kept in a project.
    NoteId, "nte"
);
id!(
    /// A remark on an article, or a suggestion.
    CommentId, "cmt"
);
id!(WebhookId, "whk");
id!(NotificationId, "ntf");
id!(ImportId, "imp");
id!(ConversationId, "cnv");
id!(MediaId, "med");
id!(UploadId, "upl");
id!(SavedSearchId, "srh");
id!(ScheduleId, "sch");
id!(
    /// What became of one of a schedule's times.
    ScheduleRunId, "run"
);
id!(
    /// Bytes of a file, which never change.
    BlobId, "blb"
);
id!(
    /// One message of a conversation.
    MessageId, "msg"
);
id!(
    /// One line of what served when.
    ServedId, "srv"
);
