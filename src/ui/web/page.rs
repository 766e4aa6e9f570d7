//! The page: one document with its style and its script inside, put together when the program is built.

use std::sync::LazyLock;

use axum::body::Bytes;
use sha2::{Digest, Sha256};

const HTML: &str = include_str!("page/index.html");
/// In this order, in one element.
const STYLES: &[&str] = &[include_str!("page/style.css")];
/// In this order, in one element.
const SCRIPTS: &[&str] = &[
    include_str!("page/text.js"),
    include_str!("page/dom.js"),
    include_str!("page/api.js"),
    include_str!("page/virtual.js"),
    include_str!("page/lines.js"),
    include_str!("page/gantt.js"),
    include_str!("page/graph.js"),
    include_str!("page/chart.js"),
    include_str!("page/overview.js"),
    include_str!("page/runs.js"),
    include_str!("page/run.js"),
    include_str!("page/streams.js"),
    include_str!("page/app.js"),
];

const STYLE_HERE: &str = "/*style*/";
const SCRIPT_HERE: &str = "/*script*/";

/// The page and what its browser may do with it.
pub(super) struct Page {
    pub html: Bytes,
    /// Nothing but this very style and script, and requests to this server: what an agent printed cannot run even if
    /// it came to be markup.
    pub policy: String,
}

pub(super) static PAGE: LazyLock<Page> = LazyLock::new(|| {
    let (style, script) = (STYLES.concat(), SCRIPTS.concat());
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{}'; script-src 'sha256-{}'; connect-src 'self'; img-src data:; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        digest(&style),
        digest(&script)
    );
    let html = HTML.replacen(STYLE_HERE, &style, 1).replacen(SCRIPT_HERE, &script, 1);
    Page { html: Bytes::from(html), policy }
});

fn digest(text: &str) -> String {
    base64(&Sha256::digest(text.as_bytes()))
}

fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for three in bytes.chunks(3) {
        let byte = |at: usize| u32::from(three.get(at).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for at in 0..4 {
            let letter = usize::try_from(bits >> (18 - 6 * at) & 63).unwrap_or(0);
            out.push(if at > three.len() { '=' } else { char::from(LETTERS[letter]) });
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_that_of_everybody() {
        for (plain, coded) in [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg==")]
        {
            assert_eq!(base64(plain.as_bytes()), coded);
        }
    }

    /// I7: one self-contained page under 300 KiB that loads nothing from elsewhere.
    #[test]
    fn the_page_is_whole() {
        let page = std::str::from_utf8(&PAGE.html).unwrap();
        assert!(page.len() < 300 * 1024, "{} bytes", page.len());
        assert!(!page.contains(STYLE_HERE) && !page.contains(SCRIPT_HERE));
        for outside in [" src=\"http", " href=\"http", "url(http", "@import", "src=\"//", "url(//"] {
            assert!(!page.contains(outside), "{outside}");
        }
        // An end tag within would end the element early; a handler or style in an attribute would be refused.
        assert!(!SCRIPTS.concat().contains("</script") && !STYLES.concat().contains("</style"));
        assert!(!HTML.contains(" style=") && !HTML.contains(" onclick="));
        assert!(PAGE.policy.contains("script-src 'sha256-"));
    }
}
