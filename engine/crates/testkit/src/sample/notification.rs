//! What people are told.

use inkstone_domain::ids::{EventId, NotificationId, UserId};
use inkstone_domain::notification::{About, Notification, NotificationKind};

use super::now;

/// An article of the handbook that waits for their review.
pub fn notification(user: UserId) -> Notification {
    Notification {
        id: NotificationId::new(),
        user,
        kind: NotificationKind::ReviewAsked,
        event: EventId::new(),
        actor: UserId::new(),
        project: Some("handbook".to_owned()),
        about: About::default(),
        created_at: now(),
        read_at: None,
    }
}
