//! Events, and what handlers make of them.

use inkstone_domain::event::{Event, EventBody};
use inkstone_domain::ids::{EventId, UserId};
use inkstone_domain::ports::HandlerFault;

use super::now;

pub fn event(actor: UserId, body: EventBody) -> Event {
    Event {
        id: EventId::new(),
        at: now(),
        actor,
        body,
    }
}

/// Always the same.
pub fn handler_fault() -> HandlerFault {
    HandlerFault {
        event: "evt_01J9ZQ7Y0Z5N8C4V2M6K3H1R0P".parse().unwrap(),
        kind: "article.created".to_owned(),
        since: "2026-03-01T12:00:00Z".parse().unwrap(),
        at: "2026-03-01T12:00:09Z".parse().unwrap(),
        tries: 4,
        lasting: 3,
        code: "plugin_trapped".to_owned(),
        message: "plugin subscriber-x 0.1.0: it crashed".to_owned(),
    }
}
