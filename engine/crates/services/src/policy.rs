//! Who may do what: the one place that decides. Pure: given what somebody is to the engine, to the
//! project and to the thing, it answers allowed, forbidden or hidden. Services ask, handlers never do;
//! the rules stand as a table in `rules`, and their whole outcome in a test.

mod rules;

use inkstone_domain::principal::{Principal, Role};
use inkstone_domain::project::ProjectRole;
use inkstone_domain::{Error, Result, codes};

pub use self::rules::Act;
use self::rules::{Reach, Rule};

/// What somebody is to the thing they ask about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    pub role: Role,
    /// In the project that the thing is in; `None` for strangers and for things in no project.
    pub in_project: Option<ProjectRole>,
    /// Whether the thing is theirs. New things are their maker's.
    pub owns: bool,
}

/// What became of a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Allowed,
    /// Allowed because an admin asks and for no other reason: a change needs an entry in the audit log
    /// that names whose thing it was.
    AllowedAsAdmin,
    /// They may know of the thing, but not do this.
    Forbidden,
    /// They may not know that there is such a thing: 404.
    Hidden,
}

impl Standing {
    /// Towards what is in no project.
    pub fn of(principal: &Principal, owns: bool) -> Self {
        Self {
            role: principal.role,
            in_project: None,
            owns,
        }
    }

    /// Towards what is in a project.
    pub fn in_project(principal: &Principal, owns: bool, role: Option<ProjectRole>) -> Self {
        Self {
            in_project: role,
            ..Self::of(principal, owns)
        }
    }
}

/// Decides.
pub fn decide(standing: Standing, act: Act) -> Verdict {
    let Rule { sees, needs, does } = act.rule();
    let Standing { role, .. } = standing;
    let may_by_right = role >= needs && standing.is_within(sees) && standing.is_within(does);
    if may_by_right {
        return Verdict::Allowed;
    }
    if role == Role::Admin {
        return Verdict::AllowedAsAdmin;
    }
    match standing.is_within(sees) {
        true => Verdict::Forbidden,
        false => Verdict::Hidden,
    }
}

/// The same as a result. `why` is said to those who may know of the thing, `hidden` to all others.
pub fn check(
    standing: Standing,
    act: Act,
    why: &str,
    hidden: impl FnOnce() -> Error,
) -> Result<Verdict> {
    match decide(standing, act) {
        allowed @ (Verdict::Allowed | Verdict::AllowedAsAdmin) => Ok(allowed),
        Verdict::Forbidden => Err(Error::new(&codes::FORBIDDEN, why)),
        Verdict::Hidden => Err(hidden()),
    }
}

/// Of an act on nothing that could be hidden.
pub(crate) fn check_open(principal: &Principal, act: Act, why: &str) -> Result<()> {
    let forbidden = || Error::new(&codes::FORBIDDEN, why);
    check(Standing::of(principal, true), act, why, forbidden).map(drop)
}

impl Verdict {
    pub fn is_allowed(self) -> bool {
        matches!(self, Self::Allowed | Self::AllowedAsAdmin)
    }
}

impl Standing {
    fn is_within(self, reach: Reach) -> bool {
        let in_project = |least| self.in_project.is_some_and(|role| role >= least);
        match reach {
            Reach::Everybody => true,
            Reach::Owner => self.owns,
            Reach::Members(least) => in_project(least),
            Reach::OwnerOrMembers(least) => self.owns || in_project(least),
            Reach::OwnerAmongMembers(least) => self.owns && in_project(least),
            Reach::Admins => self.role == Role::Admin,
        }
    }
}

#[cfg(test)]
mod tests;
