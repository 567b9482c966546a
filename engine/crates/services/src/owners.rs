//! What the owners of things that act without them are to the engine. Of keys: read once for all keys of an owner.

use std::collections::HashMap;

use inkstone_domain::ids::UserId;
use inkstone_domain::ports::UserStore;
use inkstone_domain::principal::{Principal, Role};
use inkstone_domain::{Error, Result, codes};

/// Who asked for something that is done later, with the role they have now; `forbidden` where they are gone or
/// disabled.
pub(crate) async fn principal_of(users: &dyn UserStore, owner: UserId) -> Result<Principal> {
    let owner = users.user(owner).await?;
    let owner = owner.filter(|owner| !owner.is_disabled()).ok_or_else(|| {
        Error::new(
            &codes::FORBIDDEN,
            "the user who asked for this does not exist any more, or is disabled",
        )
    })?;
    Ok(Principal::of(owner.id, owner.role))
}

/// For one reading of all keys.
pub(crate) struct Owners<'u> {
    users: &'u dyn UserStore,
    roles: HashMap<UserId, Option<Role>>,
}

impl<'u> Owners<'u> {
    pub fn new(users: &'u dyn UserStore) -> Self {
        Self {
            users,
            roles: HashMap::new(),
        }
    }

    /// `None` for who is gone or disabled: their keys are no good.
    pub async fn role_of(&mut self, owner: UserId) -> Result<Option<Role>> {
        if let Some(role) = self.roles.get(&owner) {
            return Ok(*role);
        }
        let user = self.users.user(owner).await?;
        let role = user
            .filter(|user| !user.is_disabled())
            .map(|user| user.role);
        self.roles.insert(owner, role);
        Ok(role)
    }
}
