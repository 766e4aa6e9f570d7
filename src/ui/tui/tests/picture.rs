//! The picture in `docs/watch.md`: a frame of this program, drawn as SVG. `ORCHESTRATOR_BLESS=1 cargo test --lib
//! the_picture` draws it anew.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use ratatui::style::{Color, Modifier};

use super::super::samples;
use super::super::text::width_of;
use super::{App, frame, text, view};

const CELL: (u16, u16) = (9, 19);
const EDGE: u16 = 16;

fn colour(colour: Color, reset: &str) -> &str {
    match colour {
        Color::Cyan => "#56b6c2",
        Color::Green => "#8cc265",
        Color::Yellow => "#d9a343",
        Color::Red => "#e05561",
        Color::Black => "#1b1e24",
        _ => reset,
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// The part of its cell that a block or a line fills, in eighths: left, top, width, height.
fn block(sign: &str) -> Option<[u16; 4]> {
    let sign = sign.chars().next()?;
    Some(match sign {
        '▀' => [0, 0, 8, 4],
        '▁'..='█' => {
            let high = u16::try_from(u32::from(sign) - u32::from('▁') + 1).ok()?;
            [0, 8 - high, 8, high]
        }
        '─' => [0, 4, 8, 0],
        '━' => [0, 3, 8, 2],
        '│' => [4, 0, 0, 8],
        _ => return None,
    })
}

/// Words where they stand, blocks and lines as shapes: no font moves or parts them.
fn svg(app: &App) -> String {
    let buffer = frame(app);
    let (wide, high) = (buffer.area.width * CELL.0 + 2 * EDGE, buffer.area.height * CELL.1 + 2 * EDGE);
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{wide}\" height=\"{high}\" viewBox=\"0 0 {wide} {high}\" \
         role=\"img\" aria-label=\"orchestrator watch\">\n<rect width=\"100%\" height=\"100%\" rx=\"10\" fill=\"#1b1e24\"/>\n\
         <g font-family=\"ui-monospace, Menlo, Consolas, 'DejaVu Sans Mono', monospace\" font-size=\"15\" \
         shape-rendering=\"crispEdges\">\n"
    );
    for y in 0..buffer.area.height {
        let mut x = 0;
        while x < buffer.area.width {
            let style = |x: u16| (buffer[(x, y)].fg, buffer[(x, y)].bg, buffer[(x, y)].modifier);
            let (from, own) = (x, style(x));
            let kind = |x: u16| {
                let sign = buffer[(x, y)].symbol();
                if sign == " " { None } else { Some(block(sign).map(|_| sign)) }
            };
            let mut word = String::new();
            while x < buffer.area.width && style(x) == own && kind(x) == kind(from) {
                word.push_str(buffer[(x, y)].symbol());
                x += u16::try_from(width_of(buffer[(x, y)].symbol())).unwrap().max(1);
            }
            draw(&mut out, (from, y, x - from), own, &word);
        }
    }
    out.push_str("</g>\n</svg>\n");
    out
}

fn draw(out: &mut String, (x, y, cells): (u16, u16, u16), style: (Color, Color, Modifier), word: &str) {
    let (left, top, wide) = (EDGE + x * CELL.0, EDGE + y * CELL.1, cells * CELL.0);
    let (mut ink, mut ground) = (colour(style.0, "#d7dae0"), colour(style.1, ""));
    if style.2.contains(Modifier::REVERSED) {
        (ink, ground) = ("#1b1e24", "#d7dae0");
    }
    if !ground.is_empty() {
        let high = CELL.1;
        let _ = writeln!(
            out,
            "<rect x=\"{left}\" y=\"{top}\" width=\"{wide}\" height=\"{high}\" fill=\"{ground}\"/>"
        );
    }
    if word.trim().is_empty() {
        return;
    }
    let dim = if style.2.contains(Modifier::DIM) { " fill-opacity=\"0.6\"" } else { "" };
    if let Some([bx, by, bw, bh]) = block(word) {
        let (bx, by) = (left + bx * CELL.0 / 8, top + by * CELL.1 / 8);
        let bw = if bw == 0 { 1 } else { wide };
        // Down to where the next row begins, without a gap.
        let end = if bh == 0 { by + 1 } else { (by + bh * CELL.1 / 8 + 1).min(top + CELL.1) };
        let bh = end - by;
        let _ =
            writeln!(out, "<rect x=\"{bx}\" y=\"{by}\" width=\"{bw}\" height=\"{bh}\" fill=\"{ink}\"{dim}/>");
        return;
    }
    let weight = if style.2.contains(Modifier::BOLD) { " font-weight=\"bold\"" } else { "" };
    let (base, word) = (top + 14, escaped(word));
    let _ = writeln!(
        out,
        "<text x=\"{left}\" y=\"{base}\" textLength=\"{wide}\" fill=\"{ink}\"{weight}{dim}>{word}</text>"
    );
}

#[test]
fn the_picture_is_this_program() {
    let app = view(samples::running(), 130, 40);
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs");
    let page = docs.join("watch.md");
    let shown = fs::read_to_string(&page).unwrap_or_default();
    let (before, rest) =
        shown.split_once("<!-- screen -->\n").expect("a place for the screen in docs/watch.md");
    let after = rest.split_once("<!-- end -->").expect("its end").1;
    let screen: String =
        text(&app).lines().map(|line| format!("    {line}\n").replace("    \n", "\n")).collect();
    let whole = format!("{before}<!-- screen -->\n\n{screen}\n<!-- end -->{after}");
    let drawn = [(page, whole), (docs.join("images/watch.svg"), svg(&app))];
    for (path, new) in drawn {
        if std::env::var_os("ORCHESTRATOR_BLESS").is_some() {
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, &new).unwrap();
        }
        let old = fs::read_to_string(&path).unwrap_or_default();
        assert!(
            old == new,
            "{} is not what is drawn: ORCHESTRATOR_BLESS=1 cargo test --lib the_picture",
            path.display()
        );
    }
}
