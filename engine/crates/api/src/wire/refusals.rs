//! What is wrong with a request, collected field by field, so that one answer names everything.

use inkstone_domain::{FieldError, Result};

use crate::error::invalid_fields;

/// The wrong fields so far.
#[derive(Debug, Default)]
pub(crate) struct Refusals(Vec<FieldError>);

impl Refusals {
    /// Notes a wrong field.
    pub(crate) fn refuse(&mut self, pointer: impl Into<String>, detail: impl Into<String>) {
        self.0.push(FieldError {
            pointer: pointer.into(),
            detail: detail.into(),
        });
    }

    /// The same, as the value of a match arm that has none.
    pub(crate) fn none<T>(
        &mut self,
        pointer: impl Into<String>,
        detail: impl Into<String>,
    ) -> Option<T> {
        self.refuse(pointer, detail);
        None
    }

    /// Refuses a number outside of `low..=high`.
    pub(crate) fn check_range(&mut self, name: &str, value: Option<f32>, low: f32, high: f32) {
        if value.is_some_and(|value| !(low..=high).contains(&value)) {
            self.refuse(format!("/{name}"), format!("must be from {low} to {high}"));
        }
    }

    /// Refuses a count of 0.
    pub(crate) fn check_count(&mut self, name: &str, value: Option<u32>) {
        if value == Some(0) {
            self.refuse(format!("/{name}"), "must be at least 1");
        }
    }

    /// The error that names all of them, if there are any.
    pub(crate) fn into_result(self) -> Result<()> {
        match self.0.is_empty() {
            true => Ok(()),
            false => Err(invalid_fields("the request is not valid", self.0)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_wrong_fields_are_told() {
        let mut wrong = Refusals::default();
        wrong.check_range("a", Some(2.0), 0.0, 2.0);
        wrong.check_range("b", Some(f32::NAN), 0.0, 2.0);
        wrong.check_count("c", Some(0));
        wrong.check_count("d", None);
        assert_eq!(wrong.none::<u8>("/e", "must not be"), None);
        let error = wrong.into_result().unwrap_err();
        let fields: Vec<&str> = error.fields().iter().map(|f| f.pointer.as_str()).collect();
        assert_eq!(fields, ["/b", "/c", "/e"]);
        assert!(Refusals::default().into_result().is_ok());
    }
}
