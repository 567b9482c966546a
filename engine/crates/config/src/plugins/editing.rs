//! Changes of the list's text that leave everything else in it as somebody wrote it: order, comments
//! and spaces. Knows nothing of files.

use inkstone_domain::capability::Permissions;
use inkstone_domain::ports::NewEntry;
use inkstone_domain::{Error, Result, codes};
use toml_edit::{
    Array, ArrayOfTables, DocumentMut, InlineTable, Item, Table, TableLike, Value, value,
};

const LIST: &str = "plugin";

/// `enabled` of one entry.
pub(super) fn set_enabled(document: &mut DocumentMut, id: &str, enabled: bool) -> Result<()> {
    change(document, id, |entry| set(entry, "enabled", enabled.into())).ok_or_else(|| unlisted(id))
}

/// Points an entry at another file, or adds one.
pub(super) fn put(document: &mut DocumentMut, new: &NewEntry) -> Result<()> {
    let source = new.file.as_ref().map(|file| {
        let mut source = InlineTable::new();
        source.insert("path", file.into());
        Value::InlineTable(source)
    });
    let changed = change(document, &new.id, |entry| {
        if let Some(source) = &source {
            set(entry, "source", source.clone());
        }
        if let Some(grants) = &new.grants {
            set(entry, "grants", inline(&grants.permissions));
        }
    });
    if changed.is_some() {
        return Ok(());
    }
    let mut entry = Table::new();
    entry.insert("id", value(new.id.as_str()));
    entry.insert("source", value(source.ok_or_else(|| unlisted(&new.id))?));
    if let Some(grants) = &new.grants {
        entry.insert("grants", value(inline(&grants.permissions)));
    }
    add(document, entry)
}

/// Takes an entry out, with the comment right above it; what an empty line divides from it stays.
pub(super) fn remove(document: &mut DocumentMut, id: &str) -> Result<()> {
    match document.get_mut(LIST) {
        Some(Item::ArrayOfTables(entries)) => {
            let index = entries.iter().position(|entry| is(entry, id));
            let index = index.ok_or_else(|| unlisted(id))?;
            let kept = entries.get(index).map(above).unwrap_or_default();
            entries.remove(index);
            match entries.get_mut(index) {
                Some(next) => {
                    let own = prefix(next);
                    let own = own.trim_start_matches('\n');
                    next.decor_mut().set_prefix(format!("{kept}{own}"));
                }
                None => {
                    let rest = document.trailing().as_str().unwrap_or_default();
                    let kept = match kept.trim_end() {
                        "" => String::new(),
                        comments => format!("{comments}\n"),
                    };
                    document.set_trailing(format!("{kept}{rest}"));
                }
            }
        }
        Some(Item::Value(Value::Array(entries))) => {
            let index = entries
                .iter()
                .position(|entry| entry.as_inline_table().is_some_and(|entry| is(entry, id)));
            entries.remove(index.ok_or_else(|| unlisted(id))?);
        }
        _ => return Err(unlisted(id)),
    }
    Ok(())
}

/// Runs `edit` on the entry with this id; `None` where there is none.
fn change(
    document: &mut DocumentMut,
    id: &str,
    edit: impl FnOnce(&mut dyn TableLike),
) -> Option<()> {
    let entry: &mut dyn TableLike = match document.get_mut(LIST)? {
        Item::ArrayOfTables(entries) => entries.iter_mut().find(|entry| is(*entry, id))?,
        Item::Value(Value::Array(entries)) => entries
            .iter_mut()
            .filter_map(Value::as_inline_table_mut)
            .find(|entry| is(*entry, id))?,
        _ => return None,
    };
    edit(entry);
    Some(())
}

fn add(document: &mut DocumentMut, mut entry: Table) -> Result<()> {
    match document.get_mut(LIST) {
        None => {
            // Without entries, all comments are behind the end.
            let above = document.trailing().as_str().unwrap_or_default();
            let above = match above.trim_end() {
                "" => String::new(),
                comments => format!("{comments}\n\n"),
            };
            document.set_trailing("");
            entry.decor_mut().set_prefix(above);
            let mut entries = ArrayOfTables::new();
            entries.push(entry);
            document.insert(LIST, Item::ArrayOfTables(entries));
        }
        Some(Item::ArrayOfTables(entries)) => {
            entry.decor_mut().set_prefix("\n");
            entries.push(entry);
        }
        Some(Item::Value(Value::Array(entries))) => entries.push(entry.into_inline_table()),
        Some(_) => {
            return Err(Error::new(
                &codes::INVALID_CONFIG,
                "`plugin` is no list of tables; write [[plugin]]",
            ));
        }
    }
    Ok(())
}

/// Comments and empty lines before an entry.
fn prefix(entry: &Table) -> String {
    let prefix = entry.decor().prefix().and_then(|prefix| prefix.as_str());
    prefix.unwrap_or_default().to_owned()
}

/// What of that is not the entry's own.
fn above(entry: &Table) -> String {
    let prefix = prefix(entry);
    match prefix.rfind("\n\n") {
        Some(end) => prefix[..end + 2].to_owned(),
        None if prefix.starts_with('\n') => "\n".to_owned(),
        None => String::new(),
    }
}

fn is(entry: &dyn TableLike, id: &str) -> bool {
    entry.get("id").and_then(Item::as_str) == Some(id)
}

/// Replaces a value, but not the comment beside it.
fn set(entry: &mut dyn TableLike, key: &str, mut new: Value) {
    match entry.get_mut(key) {
        Some(Item::Value(old)) => {
            *new.decor_mut() = old.decor().clone();
            *old = new;
        }
        _ => {
            entry.insert(key, Item::Value(new));
        }
    }
}

/// Only what is granted.
fn inline(granted: &Permissions) -> Value {
    let mut table = InlineTable::new();
    let mut texts = |key: &str, list: Vec<String>| {
        if !list.is_empty() {
            table.insert(key, Value::Array(Array::from_iter(list)));
        }
    };
    let hosts = granted.outbound_hosts.iter().map(ToString::to_string);
    texts("outbound_hosts", hosts.collect());
    texts("credentials", granted.credentials.iter().cloned().collect());
    let events = granted.events.iter().map(ToString::to_string);
    texts("events", events.collect());
    if granted.kv_quota_bytes > 0 {
        // The reader bounds it far below what an i64 holds.
        let quota = i64::try_from(granted.kv_quota_bytes).unwrap_or(i64::MAX);
        table.insert("kv_quota_bytes", quota.into());
    }
    for (key, is_granted) in [
        ("ai", granted.ai),
        ("tools", granted.tools),
        ("search", granted.search),
        ("inference", granted.inference),
    ] {
        if is_granted {
            table.insert(key, true.into());
        }
    }
    Value::InlineTable(table)
}

fn unlisted(id: &str) -> Error {
    Error::new(
        &codes::UNKNOWN_PLUGIN,
        format!("there is no plugin `{id}` on the list"),
    )
}

#[cfg(test)]
mod tests {
    use inkstone_domain::capability::Grants;

    use super::*;

    const LIST: &str = r#"# The plugins.

# Writes.
[[plugin]]
id = "a"
source = { path = "a.wasm" } # built here
enabled = true   # for now
grants = { ai = true }

# Reads.
[[plugin]]
id   =   "b"
source = { oci = "registry.example.org/b:1" }
[plugin.grants]
search = true
"#;

    fn edited(text: &str, edit: impl FnOnce(&mut DocumentMut) -> Result<()>) -> String {
        let mut document: DocumentMut = text.parse().unwrap();
        edit(&mut document).unwrap();
        document.to_string()
    }

    #[test]
    fn enabling_changes_one_word() {
        let off = edited(LIST, |list| set_enabled(list, "a", false));
        assert_eq!(off, LIST.replace("enabled = true ", "enabled = false "));
        let on = edited(&off, |list| set_enabled(list, "a", true));
        assert_eq!(on, LIST);
        let off = edited(LIST, |list| set_enabled(list, "b", false));
        let want = LIST.replace("b:1\" }\n", "b:1\" }\nenabled = false\n");
        assert_eq!(off, want);
    }

    #[test]
    fn a_file_takes_the_place_of_another_source_and_grants_stay() {
        let new = |grants| NewEntry {
            id: "b".to_owned(),
            file: Some("b-2.0.0.inkplug".to_owned()),
            grants,
        };
        let text = edited(LIST, |list| put(list, &new(None)));
        let want = LIST.replace(
            "oci = \"registry.example.org/b:1\"",
            "path = \"b-2.0.0.inkplug\"",
        );
        assert_eq!(text, want);

        let granted = Grants {
            permissions: Permissions {
                outbound_hosts: vec!["https://a.org".parse().unwrap()],
                kv_quota_bytes: 10,
                search: true,
                events: vec!["article.* in handbook".parse().unwrap()],
                ..Permissions::default()
            },
        };
        let text = edited(LIST, |list| put(list, &new(Some(granted))));
        let specs = super::super::parse(&text, "plugins.toml", "dist".as_ref(), 9).unwrap();
        assert_eq!(specs[1].grants.permissions.kv_quota_bytes, 10);
        assert!(specs[1].grants.permissions.search);
        let events = &specs[1].grants.permissions.events;
        assert_eq!(events[0].to_string(), "article.* in handbook");
        assert!(text.starts_with("# The plugins.\n\n# Writes.\n"));
    }

    #[test]
    fn entries_are_added_and_removed() {
        let entry = NewEntry {
            id: "c".to_owned(),
            file: Some("c.inkplug".to_owned()),
            grants: None,
        };
        let added = edited(LIST, |list| put(list, &entry));
        let want = format!("{LIST}\n[[plugin]]\nid = \"c\"\nsource = {{ path = \"c.inkplug\" }}\n");
        assert_eq!(added, want);
        assert_eq!(edited(&added, |list| remove(list, "c")), LIST);
        let first = edited("", |list| put(list, &entry));
        assert_eq!(
            first,
            "[[plugin]]\nid = \"c\"\nsource = { path = \"c.inkplug\" }\n"
        );

        let without = edited(LIST, |list| remove(list, "a"));
        let (_, second) = LIST.split_once("\n# Reads.").unwrap();
        assert_eq!(without, format!("# The plugins.\n\n# Reads.{second}"));
        let none = edited(&without, |list| remove(list, "b"));
        assert_eq!(none, "# The plugins.\n");
        let again = edited(&none, |list| put(list, &entry));
        let want = "# The plugins.\n\n[[plugin]]\nid = \"c\"\nsource = { path = \"c.inkplug\" }\n";
        assert_eq!(again, want);
        let mut list: DocumentMut = LIST.parse().unwrap();
        let error = remove(&mut list, "nobody").unwrap_err();
        assert_eq!(error.code().name, "unknown_plugin");
    }

    #[test]
    fn a_list_of_inline_tables_is_edited_too() {
        let text = "plugin = [{ id = \"a\", source = { path = \"a.wasm\" } }]\n";
        let off = edited(text, |list| set_enabled(list, "a", false));
        let specs = super::super::parse(&off, "plugins.toml", "dist".as_ref(), 9).unwrap();
        assert!(!specs[0].enabled, "{off}");
        let entry = NewEntry {
            id: "c".to_owned(),
            file: Some("c.inkplug".to_owned()),
            grants: None,
        };
        let added = edited(&off, |list| put(list, &entry));
        let specs = super::super::parse(&added, "plugins.toml", "dist".as_ref(), 9).unwrap();
        assert_eq!(specs.len(), 2, "{added}");
    }
}
