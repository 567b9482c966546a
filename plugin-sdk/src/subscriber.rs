//! Subscribers: told of what happens, one event at a time.
//!
//! ```
//! use inkstone_plugin::subscriber::*;
//! use inkstone_plugin::http;
//! use serde::Deserialize;
//!
//! #[derive(Deserialize)]
//! struct Article { article: String, revision: u64 }
//!
//! struct Beacon;
//!
//! impl Subscriber for Beacon {
//!     fn handle(&self, event: Event) -> Result<()> {
//!         let Article { article, revision } = event.data()?;
//!         http::post("https://beacon.example.org/articles")
//!             .header("idempotency-key", &event.id)
//!             .json(&(event.type_, article, revision))?
//!             .send()?
//!             .error_for_status()?;
//!         Ok(())
//!     }
//! }
//!
//! inkstone_plugin::export_subscriber!(Beacon);
//! ```
//!
//! Which events it asks to hear of stands in `plugin.toml`: `[permissions] events = ["article.created"]`.

use std::marker::PhantomData;

use serde::de::DeserializeOwned;

use crate::bindings::subscriber_world::exports::inkstone::plugin::subscriber as wit;
pub use crate::bindings::subscriber_world::exports::inkstone::plugin::subscriber::{
    Aggregate, Event,
};
use crate::json;
pub use crate::{Error, ErrorKind, Result};

/// A subscriber.
pub trait Subscriber {
    /// Told of one event. It comes again where this fails, and where the engine died before it had noted that it
    /// did not: doing it twice must come to the same as doing it once, or keep `event.id`.
    fn handle(&self, event: Event) -> Result<()>;
}

impl Event {
    /// Whether it is of this type, such as `article.created`.
    pub fn is(&self, kind: &str) -> bool {
        self.type_ == kind
    }

    /// What is told, as a type of the plugin's own.
    pub fn data<T: DeserializeOwned>(&self) -> Result<T> {
        let what = format!("the data of `{}`", self.type_);
        json::read(&self.data, ErrorKind::Internal, &what)
    }
}

/// Makes a unit struct that is a [`Subscriber`] the component's subscriber.
#[macro_export]
macro_rules! export_subscriber {
    ($subscriber:ident) => {
        #[cfg(target_arch = "wasm32")]
        const _: () = {
            struct Exported;
            impl $crate::subscriber::Exported for Exported {
                type Subscriber = $subscriber;
                fn subscriber() -> &'static $subscriber {
                    &$subscriber
                }
            }
            type Guest = $crate::subscriber::Adapter<Exported>;
            $crate::bindings::subscriber_world::export_subscriber_world!(
                Guest with_types_in $crate::bindings::subscriber_world
            );
        };
    };
}

/// What the export macro says about the plugin.
#[doc(hidden)]
pub trait Exported: 'static {
    type Subscriber: Subscriber;
    fn subscriber() -> &'static Self::Subscriber;
}

#[doc(hidden)]
pub struct Adapter<E>(PhantomData<E>);

impl<E: Exported> wit::Guest for Adapter<E> {
    fn handle(event: Event) -> Result<()> {
        crate::guest::enter();
        E::subscriber().handle(event)
    }
}
