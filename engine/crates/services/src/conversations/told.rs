//! A history as it is told to a model: with the words of the files and articles that came with it, as far as
//! there is room, and with the pictures. The newest go first; of what is left out the model hears the name.

use std::collections::HashMap;

use futures::StreamExt;
use inkstone_domain::Result;
use inkstone_domain::chat::{Image, ImageSource, Message, Role};
use inkstone_domain::conversation::{Attachment, ConversationMessage, GivenArticle};
use inkstone_domain::ids::MessageId;
use inkstone_domain::principal::Principal;

use super::enclosed::{Enclosures, MAX_TEXT_BYTES, found};
use crate::media::is_text;

/// A part of the window that enclosed texts may take.
const FOR_TEXTS: usize = 2;
const BYTES_PER_TOKEN: usize = 4;
/// Less than this of a text tells nothing.
const LEAST_BYTES: usize = 200;
/// In all that is told.
const MOST_PICTURES: usize = 8;
/// Of all of them: what the gateway takes of one request where nobody set more.
const MOST_PICTURE_BYTES: usize = 15 << 20;

/// Pictures by the message that they came with.
pub(super) type Pictures = HashMap<MessageId, Vec<Image>>;

/// A history with what came with it.
pub(super) struct Told {
    /// The same messages with longer texts.
    pub messages: Vec<ConversationMessage>,
    pub pictures: Pictures,
    pub sources: Vec<NumberedArticle>,
}

/// An article whose words the model was given.
#[derive(Debug, Clone)]
pub(super) struct NumberedArticle {
    /// From 1, in the order in which articles came into the branch.
    pub number: u32,
    pub article: GivenArticle,
    /// As much of it as was given.
    pub text: String,
}

impl Told {
    /// What tells a model how to say where it has something from; `None` where it was given nothing.
    pub(super) fn how_to_cite(&self) -> Option<Message> {
        let is_given = !self.sources.is_empty();
        is_given.then(|| Message::text(Role::System, HOW_TO_CITE))
    }
}

const HOW_TO_CITE: &str = "Articles are given to you with numbers. Where you use one of them, write its \
number in square brackets behind the sentence, such as [1]. Words that you quote from it stand in \
quotation marks before the number. Use no other numbers.";

impl Enclosures {
    /// The end of a branch as the principal may tell it to a model with this window, in tokens.
    pub(super) async fn told(
        &self,
        principal: &Principal,
        history: Vec<ConversationMessage>,
        window: u32,
    ) -> Result<Told> {
        let numbers = numbers_of(&history);
        let mut told = Told {
            messages: history,
            pictures: Pictures::new(),
            sources: Vec::new(),
        };
        let window = usize::try_from(window).unwrap_or(usize::MAX);
        let mut room = window.saturating_mul(BYTES_PER_TOKEN) / FOR_TEXTS;
        let (mut pictures, mut picture_bytes) = (0, 0);
        for at in (0..told.messages.len()).rev() {
            let message = &mut told.messages[at];
            let id = message.id;
            let mut parts = vec![std::mem::take(&mut message.text)];
            let (articles, files) = (message.articles.clone(), message.attachments.clone());
            for article in &articles {
                let number = numbers.iter().position(|it| it == article).unwrap_or(0) + 1;
                let number = u32::try_from(number).unwrap_or(u32::MAX);
                if told.sources.iter().any(|it| it.number == number) {
                    continue;
                }
                let head = format!("[{number}] The article “{}”", article.title);
                let body = match room >= LEAST_BYTES {
                    true => self.body_of(principal, article).await?,
                    false => None,
                };
                let quoted = quoted(&head, body.as_deref(), &mut room);
                if let Some(text) = quoted.given {
                    told.sources.push(NumberedArticle {
                        number,
                        article: article.clone(),
                        text,
                    });
                }
                parts.push(quoted.whole);
            }
            for file in &files {
                let head = format!("The file `{}`", file.name);
                if is_text(&file.content_type) {
                    let text = match room >= LEAST_BYTES {
                        true => self.bytes_of(principal, file, MAX_TEXT_BYTES).await?,
                        false => None,
                    };
                    let text = text.map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
                    parts.push(quoted(&head, text.as_deref(), &mut room).whole);
                    continue;
                }
                let bytes = match pictures < MOST_PICTURES && picture_bytes < MOST_PICTURE_BYTES {
                    true => self.bytes_of(principal, file, u64::MAX).await?,
                    false => None,
                };
                let Some(bytes) = bytes else {
                    parts.push(format!("({head} is left out.)"));
                    continue;
                };
                if picture_bytes + bytes.len() > MOST_PICTURE_BYTES {
                    parts.push(format!("({head} is left out.)"));
                    continue;
                }
                pictures += 1;
                picture_bytes += bytes.len();
                told.pictures.entry(id).or_default().push(Image {
                    media_type: file.content_type.clone(),
                    source: ImageSource::Bytes(bytes.into()),
                });
            }
            told.messages[at].text = parts.join("\n\n");
        }
        told.sources.sort_by_key(|it| it.number);
        Ok(told)
    }

    /// The body of the revision that was given, where it can still be read.
    async fn body_of(&self, principal: &Principal, given: &GivenArticle) -> Result<Option<String>> {
        let Some(now) = found(self.articles.get(principal, given.article).await)? else {
            return Ok(None);
        };
        if now.revision == given.revision {
            return Ok(Some(now.text.body));
        }
        let old = self
            .articles
            .revision(principal, given.article, given.revision);
        Ok(found(old.await)?.map(|revision| revision.text.body))
    }

    /// The bytes of a file where it can still be read, up to `most`.
    async fn bytes_of(
        &self,
        principal: &Principal,
        file: &Attachment,
        most: u64,
    ) -> Result<Option<Vec<u8>>> {
        let variant = file.variant.as_deref();
        let content = self
            .media
            .content(principal, file.media, Some(file.version), variant);
        let Some(readable) = found(content.await)? else {
            return Ok(None);
        };
        let most = most.min(readable.content.size_bytes);
        let mut blob = self.media.open(&readable, Some(0..most)).await?;
        let mut bytes = Vec::with_capacity(usize::try_from(most).unwrap_or_default());
        while let Some(piece) = blob.bytes.next().await {
            bytes.extend_from_slice(&piece?);
        }
        Ok(Some(bytes))
    }
}

/// The articles of a branch, each once, in the order in which they came.
fn numbers_of(history: &[ConversationMessage]) -> Vec<GivenArticle> {
    let mut numbers: Vec<GivenArticle> = Vec::new();
    for article in history.iter().flat_map(|message| &message.articles) {
        if !numbers.contains(article) {
            numbers.push(article.clone());
        }
    }
    numbers
}

/// A text with what it is.
struct Quoted {
    whole: String,
    /// As much as there was room for.
    given: Option<String>,
}

/// Takes from the room what it needs.
fn quoted(head: &str, text: Option<&str>, room: &mut usize) -> Quoted {
    let Some(text) = text.filter(|_| *room >= LEAST_BYTES) else {
        return Quoted {
            whole: format!("({head} is left out.)"),
            given: None,
        };
    };
    let mut end = text.len().min(*room);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    *room -= end;
    let given = &text[..end];
    let rest = match end < text.len() {
        true => "\n(The rest is left out.)",
        false => "",
    };
    Quoted {
        whole: format!("{head}:\n-----\n{given}\n-----{rest}"),
        given: Some(given.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_takes_the_room_there_is() {
        let mut room = 1_000;
        let whole = quoted("The file `a`", Some("words"), &mut room);
        assert_eq!(whole.whole, "The file `a`:\n-----\nwords\n-----");
        assert_eq!((whole.given.as_deref(), room), (Some("words"), 995));
        let long = "é".repeat(600);
        let cut = quoted("b", Some(&long), &mut room);
        assert_eq!((cut.given.map(|it| it.len()), room), (Some(994), 1));
        assert!(cut.whole.ends_with("(The rest is left out.)"));
        let none = quoted("c", Some("words"), &mut room);
        assert_eq!(
            (none.whole.as_str(), none.given),
            ("(c is left out.)", None)
        );
    }
}
