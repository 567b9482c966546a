//! Notes that come from an archive: kept elsewhere, by somebody and at some time, and under the rules of who may
//! keep notes here.

use inkstone_domain::audit::actions;
use inkstone_domain::note::{FoundWith, Note};
use inkstone_domain::principal::Principal;
use inkstone_domain::{Error, Result, codes};

use super::{Notes, check, found, record, state};
use crate::policy::Verdict;

/// Of the names of what found it.
const MAX_NAME_CHARS: usize = 200;

impl Notes {
    /// That a note could have been kept here: of what an archive says nothing is believed. For editors of the
    /// project.
    pub(crate) async fn check_arrival(
        &self,
        principal: &Principal,
        note: &Note,
    ) -> Result<Verdict> {
        let verdict = self.may_add(principal, &note.project).await?;
        check::text(&note.text)?;
        note.found_with.as_ref().map_or(Ok(()), check_found_with)?;
        Ok(verdict)
    }

    /// Keeps a note that comes from elsewhere, or, where `before` is here, what it says. For the same;
    /// `already_exists` and `revision_mismatch` where others were faster.
    pub(crate) async fn arrive(
        &self,
        principal: &Principal,
        before: Option<&Note>,
        note: Note,
    ) -> Result<()> {
        let verdict = self.check_arrival(principal, &note).await?;
        let action = match before {
            None => actions::NOTE_CREATED,
            Some(_) => actions::NOTE_CHANGED,
        };
        let before_state = before.map(state);
        let mut audit = record(principal, action, verdict, &note)
            .with_states(before_state.as_ref(), Some(&state(&note)));
        // Its last change was elsewhere, but it came now.
        audit.at = self.clock.now();
        match before {
            None => self.store.create_note(&note, &audit).await,
            Some(_) => self.store.update_note(&note, principal.user, &audit).await,
        }
    }
}

fn check_found_with(found_with: &FoundWith) -> Result<()> {
    let FoundWith {
        plugin,
        plugin_version,
        tool,
        input,
    } = found_with;
    let is_long = |name: &String| name.chars().count() > MAX_NAME_CHARS;
    if [plugin, plugin_version, tool].into_iter().any(is_long) {
        let message = format!("what found it has a name of more than {MAX_NAME_CHARS} characters");
        return Err(Error::new(&codes::INVALID_INPUT, message));
    }
    found::check_input(input)
}
