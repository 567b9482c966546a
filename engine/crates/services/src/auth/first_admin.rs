//! The admin of the first start.

use std::fmt;

use inkstone_domain::principal::Role;
use inkstone_domain::{Error, Result, codes};

use super::{Auth, NewUser, password};

/// What became of the first admin.
#[derive(Clone, PartialEq, Eq)]
pub enum AdminSetup {
    Created {
        email: String,
        /// Shown once, if none was given.
        generated_password: Option<String>,
    },
    /// There are users already; nothing was changed.
    Exists,
}

impl fmt::Debug for AdminSetup {
    /// Without the password: it must not reach a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Created { email, .. } => write!(f, "Created({email})"),
            Self::Exists => f.write_str("Exists"),
        }
    }
}

impl Auth {
    /// Creates the first admin where there is no user yet, with a generated password if none is given.
    pub async fn ensure_admin(&self, email: &str, password: Option<String>) -> Result<AdminSetup> {
        if self.users.count_users().await? > 0 {
            return Ok(AdminSetup::Exists);
        }
        let generated_password = password.is_none().then(password::generate);
        let Some(password) = password.or_else(|| generated_password.clone()) else {
            return Err(Error::new(&codes::INTERNAL, "no password for the admin"));
        };
        let user = self
            .create_user(NewUser {
                email: email.to_owned(),
                name: "Admin".to_owned(),
                role: Role::Admin,
                password,
            })
            .await;
        let user = match user {
            // Another engine starts on the same store at this moment.
            Err(error) if error.code() == &codes::ALREADY_EXISTS => return Ok(AdminSetup::Exists),
            made => made?,
        };
        Ok(AdminSetup::Created {
            email: user.email,
            generated_password,
        })
    }
}
