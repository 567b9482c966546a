//! Research on the web: one page as clean text, a feed as items, a sitemap as addresses. Each tool is a file of its
//! own (`page`, `feed`, `sitemap`); what they share is asking politely (`download`), characters and dates.
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod charset;
mod dates;
mod download;
mod extract;
mod feed;
mod feed_formats;
mod markup;
mod page;
mod settings;
mod sitemap;
#[cfg(test)]
mod tests;

use inkstone_plugin::research::*;

/// The research plugin.
pub struct Web;

impl Research for Web {
    fn tools(&self) -> Vec<Tool> {
        vec![
            Tool::new(
                "fetch",
                "Read a web page",
                "Reads the article of a web page, or a plain text file, as Markdown, without navigation and \
                 advertising; with title, author, date and links.",
                page::fetch,
            ),
            Tool::new(
                "feed",
                "Read a feed",
                "Reads the items of an RSS, Atom or JSON feed, with title, address, date, author and summary.",
                feed::feed,
            ),
            Tool::new(
                "sitemap",
                "Read a sitemap",
                "Reads the addresses that a sitemap or a sitemap index lists, with the date of their last change.",
                sitemap::sitemap,
            ),
        ]
    }
}

inkstone_plugin::export_research!(Web);
