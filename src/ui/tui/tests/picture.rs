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

/// Neighbours of one style are one text.
fn svg(app: &App) -> String {
    let buffer = frame(app);
    let (wide, high) = (buffer.area.width * CELL.0 + 2 * EDGE, buffer.area.height * CELL.1 + 2 * EDGE);
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{wide}\" height=\"{high}\" viewBox=\"0 0 {wide} {high}\" \
         role=\"img\" aria-label=\"orchestrator watch\">\n<rect width=\"100%\" height=\"100%\" rx=\"10\" fill=\"#1b1e24\"/>\n\
         <g font-family=\"ui-monospace, Menlo, Consolas, 'DejaVu Sans Mono', monospace\" font-size=\"15\" xml:space=\"preserve\">\n"
    );
    for y in 0..buffer.area.height {
        let mut x = 0;
        while x < buffer.area.width {
            let cell = &buffer[(x, y)];
            let style = (cell.fg, cell.bg, cell.modifier);
            let (from, mut run) = (x, String::new());
            while x < buffer.area.width {
                let next = &buffer[(x, y)];
                if (next.fg, next.bg, next.modifier) != style {
                    break;
                }
                run.push_str(next.symbol());
                x += u16::try_from(width_of(next.symbol())).unwrap().max(1);
            }
            let (left, top) = (EDGE + from * CELL.0, EDGE + y * CELL.1);
            let (mut ink, mut ground) = (colour(style.0, "#d7dae0"), colour(style.1, ""));
            if style.2.contains(Modifier::REVERSED) {
                (ink, ground) = ("#1b1e24", "#d7dae0");
            }
            let cells = (x - from) * CELL.0;
            if !ground.is_empty() {
                let _ = writeln!(
                    out,
                    "<rect x=\"{left}\" y=\"{top}\" width=\"{cells}\" height=\"{}\" fill=\"{ground}\"/>",
                    CELL.1
                );
            }
            if run.trim().is_empty() {
                continue;
            }
            let weight = if style.2.contains(Modifier::BOLD) { " font-weight=\"bold\"" } else { "" };
            let dim = if style.2.contains(Modifier::DIM) { " fill-opacity=\"0.6\"" } else { "" };
            let _ = writeln!(
                out,
                "<text x=\"{left}\" y=\"{}\" textLength=\"{cells}\" fill=\"{ink}\"{weight}{dim}>{}</text>",
                top + 14,
                escaped(&run)
            );
        }
    }
    out.push_str("</g>\n</svg>\n");
    out
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
