// SPDX-License-Identifier: MPL-2.0
//! The layout that all pages share.

use maud::{DOCTYPE, Markup, html};

/// Pages that belong together.
#[derive(Debug, Clone, Copy)]
pub struct Site {
    /// The name in the header.
    pub name: &'static str,
    /// The entries of the navigation.
    pub sections: &'static [Section],
}

/// An entry of the navigation.
#[derive(Debug, Clone, Copy)]
pub struct Section {
    /// The path of its first page.
    pub path: &'static str,
    /// The text of its link.
    pub name: &'static str,
}

/// A page before it is laid out.
pub struct Page<'a> {
    /// The site that it belongs to.
    pub site: Site,
    /// The path of its section.
    pub section: &'a str,
    /// The title, which is its heading too.
    pub title: &'a str,
    /// The version of what it shows, of [`super::Changes`].
    pub version: &'a str,
    /// Controls in the header that concern all pages; may be empty.
    pub controls: Markup,
    /// What must be seen on every page, such as errors in files; may be empty.
    pub notice: Markup,
    /// The content below the heading.
    pub content: Markup,
}

impl Page<'_> {
    /// The page as HTML.
    pub fn render(self) -> Markup {
        html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="color-scheme" content="light dark";
                    title { (self.title) " – " (self.site.name) }
                    link rel="icon" href="data:,";
                    link rel="stylesheet" href="/pages/style.css";
                    script src="/pages/script.js" defer {}
                }
                body data-version=(self.version) {
                    a.skip href="#main" { "Skip to the content" }
                    header.top {
                        a.brand href="/" { (self.site.name) }
                        nav aria-label="Sections" {
                            @for section in self.site.sections {
                                a href=(section.path) aria-current=[(section.path == self.section).then_some("page")] {
                                    (section.name)
                                }
                            }
                        }
                        div.controls #controls { (self.controls) }
                    }
                    p.offline #offline role="alert" hidden {
                        "The program has ended or does not answer. This page shows its last state."
                    }
                    div #notice role="status" { (self.notice) }
                    main #main tabindex="-1" {
                        h1 { (self.title) }
                        (self.content)
                    }
                }
            }
        }
    }
}
