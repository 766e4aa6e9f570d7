//! One scalar of a kind: the value, or what is wrong with it and how to write it.

use serde_json::{Number, Value as Json};

use super::duration::parse_duration;
use super::globs::{glob, hopeless};
use super::keys::{Kind, Shape};
use super::suggest::nearest;
use crate::ids::RoleId;

/// Message, and a suggestion if there is one.
pub(super) type Wrong = (String, Option<String>);

/// Reads `text`; `plain` says that it was written without quotes.
pub(super) fn scalar(kind: Kind, text: &str, plain: bool) -> Result<Json, Wrong> {
    let wrong = |hint: Option<String>| {
        let shown = match (text, plain) {
            ("", _) => "nothing".to_owned(),
            (_, true) => format!("`{}`", short(text)),
            (_, false) => format!("the text \"{}\"", short(text)),
        };
        (format!("expected {}, found {shown}", expected(Shape::One(kind))), hint)
    };
    let write = |right: &str| wrong(Some(format!("`{text}` is a text here: write {right}")));
    match kind {
        Kind::Bool => match text {
            "true" | "True" | "TRUE" if plain => Ok(Json::Bool(true)),
            "false" | "False" | "FALSE" if plain => Ok(Json::Bool(false)),
            _ => {
                Err(bool_meant(text).map_or_else(|| wrong(None), |b| write(if b { "true" } else { "false" })))
            }
        },
        Kind::Count | Kind::Code => {
            let max = if kind == Kind::Code { 255 } else { u64::MAX };
            let n = plain.then(|| text.parse::<u64>().ok()).flatten().filter(|n| *n <= max);
            match (n, without_zeros(text)) {
                (Some(_), Some(right)) => Err(write(right)),
                (Some(n), None) => Ok(Json::Number(n.into())),
                (None, _) => Err(wrong(None)),
            }
        }
        Kind::Number => {
            let n = plain.then(|| text.parse::<f64>().ok()).flatten().filter(|n| n.is_finite() && *n >= 0.0);
            match (n.and_then(Number::from_f64), without_zeros(text)) {
                (Some(_), Some(right)) => Err(write(right)),
                (Some(n), None) => Ok(Json::Number(n)),
                (None, _) => Err(wrong(None)),
            }
        }
        Kind::Duration => {
            let parsed = parse_duration(text).map_err(|_| wrong(None))?;
            if let Some(right) = without_zeros(text) {
                return Err(write(right));
            }
            Number::from_f64(parsed.as_secs_f64()).map(Json::Number).ok_or_else(|| wrong(None))
        }
        Kind::Text if text.is_empty() => Err(wrong(None)),
        Kind::Text if plain && is_other(text) => Err(wrong(Some(format!("quote it: \"{text}\"")))),
        Kind::Text | Kind::Word => Ok(Json::String(text.to_owned())),
        Kind::Extension => match text.strip_prefix('.').unwrap_or(text) {
            "" => Err(wrong(None)),
            bare if bare.contains(['/', '*']) => Err(wrong(None)),
            bare => Ok(Json::String(bare.to_owned())),
        },
        Kind::Glob => {
            if text.is_empty() {
                return Err(wrong(None));
            }
            let bad = |why: String| (format!("bad glob `{}`: {why}", short(text)), None);
            glob(text).map_err(|e| bad(e.kind().to_string()))?;
            hopeless(text).map_or_else(|| Ok(Json::String(text.to_owned())), |why| Err(bad(why.to_owned())))
        }
        Kind::Role => match RoleId::parse(text) {
            Ok(role) => Ok(Json::String(role.as_str().to_owned())),
            Err(_) if text.chars().count() > MAX_SHOWN => Err(wrong(None)),
            Err(e) => Err((e.to_string(), None)),
        },
        Kind::Choice(names) => {
            let folded = text.replace('-', "_");
            let is = |n: &str| n == text || n == folded || n.strip_prefix("router_") == Some(folded.as_str());
            let hit = names.iter().find(|n| is(n));
            hit.map(|n| Json::String((*n).to_owned()))
                .ok_or_else(|| wrong(nearest(text, names).map(|n| format!("did you mean `{n}`?"))))
        }
    }
}

const MAX_SHOWN: usize = 60;

/// Enough of a text to recognise it in a message.
pub(super) fn short(text: &str) -> String {
    match text.char_indices().nth(MAX_SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// What YAML 1.1 took for a bool.
fn bool_meant(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "yes" | "on" | "true" => Some(true),
        "no" | "off" | "false" => Some(false),
        _ => None,
    }
}

/// `010` without its zero, which YAML 1.1 took for the mark of an octal number.
fn without_zeros(text: &str) -> Option<&str> {
    let mut bare = text;
    while let Some(rest) = bare.strip_prefix('0')
        && rest.starts_with(|c: char| c.is_ascii_digit())
    {
        bare = rest;
    }
    (bare.len() < text.len()).then_some(bare)
}

/// Whether an unquoted text means a number or a bool.
fn is_other(text: &str) -> bool {
    let number = text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '.'))
        && text.parse::<f64>().is_ok()
        && without_zeros(text).is_none();
    number || matches!(text, "true" | "True" | "TRUE" | "false" | "False" | "FALSE")
}

/// What a shape wants, for messages.
pub(super) fn expected(shape: Shape) -> String {
    match shape {
        Shape::One(kind) => match kind {
            Kind::Bool => "true or false".into(),
            Kind::Count => "a whole number from 0".into(),
            Kind::Code => "a whole number from 0 to 255".into(),
            Kind::Number => "a number from 0".into(),
            Kind::Text | Kind::Word => "a text".into(),
            Kind::Duration => "a duration (5, 0.25, 250ms, 2m, 12h)".into(),
            Kind::Glob => "a glob".into(),
            Kind::Extension => "a file extension, such as csv".into(),
            Kind::Role => "a role id".into(),
            Kind::Choice(names) => format!("one of {}", names.join(", ")),
        },
        Shape::List(_) => "a list".into(),
        Shape::Argv => "a command as a list of words, such as [make, test]".into(),
        Shape::Command => "a command: one text, or a list of words".into(),
        Shape::Map(_) | Shape::Table(_) => "a mapping".into(),
    }
}
