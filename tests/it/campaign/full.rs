//! A disk that is full in the middle of a run of each engine: the program goes on, or ends and says why; nothing is
//! torn; when there is room again the next start goes on. The disk is a small one of the test's own; where that is not
//! allowed the test says that it is skipped.

use std::fs;
use std::io::Write as _;

use super::engines::{Engine, Kind};
use crate::cli::project::Ran;
use crate::supervise::times;

/// The piece of work with the number `$FILL` leaves no byte, once; who comes later finds it so.
const STRAIN: &str = "if test $(wc -l < \"$EFFECTS\") -ge $FILL && mkdir \"$OUT/filled\" 2> /dev/null; then cat /dev/zero > filler 2> /dev/null; fi; echo done || :";

/// Copies the project to a disk of 4 MiB, runs it into the wall, makes room, and runs what goes on.
const INSIDE: &str = r#"
mount -t tmpfs -o size=4m small "$SMALL" && cp -R . "$SMALL"/ && cd "$SMALL" || exit 99
"$PROGRAM" $FIRST > "$OUT/first.out" 2> "$OUT/first.err"; echo $? > "$OUT/first.code"
cp sync/state.json "$OUT/state.json" 2> /dev/null
test -e filler && : > "$OUT/was-full"; rm -f filler
if test "$(cat "$OUT/first.code")" != 0; then
  "$PROGRAM" $AGAIN > "$OUT/again.out" 2> "$OUT/again.err"; echo $? > "$OUT/again.code"
fi
mkdir -p "$BACK" && cp -R . "$BACK"/
"#;

fn possible(engine: &Engine) -> bool {
    let script = "mount -t tmpfs -o size=4m small .";
    let tried = engine.project.sandboxed("unshare", &["-rm", "sh", "-c", script]).output();
    let may = tried.is_ok_and(|output| output.status.success());
    if !may {
        let _ = writeln!(std::io::stderr(), "skipped: no user and mount namespaces here");
    }
    may
}

/// What was printed and how it ended, as the script wrote it down.
fn ran(engine: &Engine, name: &str) -> Option<Ran> {
    let read = |end: &str| fs::read_to_string(engine.project.path(&format!("../out/{name}.{end}")));
    let code = read("code").ok()?.trim().parse().unwrap();
    Some(Ran { code, out: read("out").unwrap_or_default(), err: read("err").unwrap_or_default() })
}

fn campaign(kind: Kind) {
    let (mut went_on, mut refused) = (0, 0);
    // Short form: in the first piece and in one in the middle.
    for fill in [1, 4, 2, 3, 5, 6].into_iter().take(times(20).min(6)) {
        let mut engine = Engine::new(kind, STRAIN);
        if !possible(&engine) {
            return;
        }
        let place = |name: &str| engine.project.path(&format!("../{name}")).to_string_lossy().into_owned();
        let (small, out, back) = (place("small"), place("out"), place("back"));
        for folder in [&small, &out] {
            fs::create_dir(folder).unwrap();
        }
        let (first, again) = (engine.first().join(" "), engine.again().join(" "));
        let fill = fill.to_string();
        for (name, value) in [
            ("SMALL", small.as_str()),
            ("OUT", &out),
            ("BACK", &back),
            ("FILL", &fill),
            ("FIRST", &first),
            ("AGAIN", &again),
            ("PROGRAM", env!("CARGO_BIN_EXE_orchestrator")),
        ] {
            engine.project.set(name, value);
        }
        let inside = engine.project.sandboxed("unshare", &["-rm", "sh", "-c", INSIDE]).output().unwrap();
        let told = String::from_utf8_lossy(&inside.stderr).into_owned();
        assert!(inside.status.success(), "{kind:?}: {told}");
        assert!(engine.project.path("../out/was-full").exists(), "{kind:?}: the disk was never full");
        let first = ran(&engine, "first").unwrap();
        let said = format!("{kind:?}, full at piece {fill}: {first:#?}\n{:?}", engine.effects());
        assert!((0..=7).contains(&first.code) && !first.err.contains("panicked"), "{said}");
        if first.code == 0 {
            went_on += 1;
            assert!(first.err.contains("cannot be written"), "nobody was told: {said}");
        } else {
            refused += 1;
            assert!(first.err.to_lowercase().contains("no space left"), "the reason is not told: {said}");
            let again = ran(&engine, "again").unwrap();
            assert!(again.code == 0 && !again.err.contains("panicked"), "{said}\nthen {again:#?}");
        }
        judge(&engine, &said);
        // What was on the small disk is looked at like every other project.
        let back = fs::canonicalize(&back).unwrap();
        fs::remove_dir_all(engine.project.root()).unwrap();
        fs::rename(back, engine.project.root()).unwrap();
        if first.code == 0 {
            // What the record has no room for is lost to it alone.
            engine.sound();
        } else {
            engine.whole();
        }
    }
    println!("{kind:?}: went on {went_on} times, ended with the reason and went on later {refused} times");
}

/// No piece is lost; one that was cut off may have run again.
fn judge(engine: &Engine, said: &str) {
    let effects = engine.effects();
    let lost: Vec<String> =
        engine.pieces().into_iter().filter(|piece| !effects.contains_key(piece)).collect();
    match engine.kind {
        // The auditor is asked again under another number.
        Kind::Oneshot => assert!(effects.keys().any(|name| name.starts_with("auditor-")), "{said}"),
        Kind::Loop | Kind::Batch | Kind::Workstream => assert!(lost.is_empty(), "lost {lost:?}: {said}"),
    }
    let most = if engine.kind == Kind::Oneshot { 1 } else { 3 };
    let often: Vec<_> = effects.iter().filter(|(name, n)| **n > most && name.starts_with("worker")).collect();
    assert!(often.is_empty(), "{often:?}: {said}");
}

#[test]
fn a_loop() {
    campaign(Kind::Loop);
}

#[test]
fn a_oneshot() {
    campaign(Kind::Oneshot);
}

#[test]
fn a_batch() {
    campaign(Kind::Batch);
}

#[test]
fn a_workstream() {
    campaign(Kind::Workstream);
}
