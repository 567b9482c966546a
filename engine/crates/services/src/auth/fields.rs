//! What is looked at of addresses and names, wherever people write them.

use inkstone_domain::{Error, FieldError, Result, codes};

/// As addresses are kept and compared.
pub(crate) fn normalize(email: &str) -> String {
    email.trim().to_lowercase()
}

/// What is wrong with a normalized address.
pub(crate) fn email_fault(email: &str) -> Option<FieldError> {
    let is_plain = |text: &str| {
        !text.is_empty()
            && !text.contains(|c: char| {
                c.is_whitespace() || c.is_control() || "<>()[],;:\\\"".contains(c)
            })
    };
    let is_address = email.len() <= 254
        && email.split_once('@').is_some_and(|(local, domain)| {
            is_plain(local) && is_plain(domain) && !domain.contains('@')
        });
    match is_address {
        true => None,
        false => Some(FieldError {
            pointer: "/email".to_owned(),
            detail: "must be an e-mail address, such as `name@example.org`".to_owned(),
        }),
    }
}

/// What is wrong with a name for people.
pub(crate) fn name_fault(name: &str) -> Option<FieldError> {
    let is_name = name.chars().count() <= 100 && !name.contains(char::is_control);
    match is_name {
        true => None,
        false => Some(FieldError {
            pointer: "/name".to_owned(),
            detail: "must have at most 100 characters, on one line".to_owned(),
        }),
    }
}

/// `invalid_input` with these fields, if there are any.
pub(crate) fn check_fields(faults: impl IntoIterator<Item = FieldError>) -> Result<()> {
    let fields: Vec<FieldError> = faults.into_iter().collect();
    let Some(first) = fields.first() else {
        return Ok(());
    };
    let message = format!("`{}` {}", first.pointer, first.detail);
    Err(Error::new(&codes::INVALID_INPUT, message).with_fields(fields))
}
