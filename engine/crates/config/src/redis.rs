//! `[redis]`: what several engines share beside the database.

use crate::secret::Secret;
use crate::section::Section;

/// `[redis]`
#[derive(Debug, Clone, PartialEq)]
pub struct RedisConfig {
    /// `redis://host:port/database` or `rediss://…`, without a sign-in; empty for none.
    pub url: String,
    /// What the names of keys and channels begin with.
    pub prefix: String,
    pub username: Option<Secret>,
    pub password: Option<Secret>,
}

impl Default for RedisConfig {
    fn default() -> Self {
        Self {
            url: String::new(),
            prefix: "inkstone".to_owned(),
            username: None,
            password: None,
        }
    }
}

pub(crate) fn read(mut section: Section<'_>, config: &mut RedisConfig) {
    section.parsed("url", &mut config.url, |text| {
        let is_known = text.starts_with("redis://") || text.starts_with("rediss://");
        match text {
            "" => Ok(String::new()),
            // Errors are printed, so they do not repeat it.
            _ if text.contains('@') => Err(
                "it has a sign-in in it; that belongs into `username` and `password` of [redis]"
                    .to_owned(),
            ),
            _ if is_known => Ok(text.to_owned()),
            _ => Err(format!(
                "`{text}` must begin with one of redis://, rediss://"
            )),
        }
    });
    section.parsed("prefix", &mut config.prefix, |text| {
        let is_name = |letter: char| letter.is_ascii_alphanumeric() || "-_:".contains(letter);
        match !text.is_empty() && text.len() <= 100 && text.chars().all(is_name) {
            true => Ok(text.to_owned()),
            false => Err(format!(
                "`{text}` must have 1 to 100 ASCII letters, digits, `-`, `_` or `:`"
            )),
        }
    });
    section.secret("username", &mut config.username);
    section.secret("password", &mut config.password);
    section.finish();
}
