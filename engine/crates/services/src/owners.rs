//! What the owners of keys are to the engine: read once for all keys of an owner.

use std::collections::HashMap;

use inkstone_domain::Result;
use inkstone_domain::ids::UserId;
use inkstone_domain::ports::UserStore;
use inkstone_domain::principal::Role;

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
