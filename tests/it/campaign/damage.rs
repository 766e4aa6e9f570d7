//! Every file that the program depends on, damaged, with the real program: it goes on, or it says which file it is and
//! what to do; it never panics, never hangs and never writes over what it refuses.

use std::fs;
use std::path::PathBuf;

use super::scale;
use crate::cli::project::{Project, Ran, wait_until};
use crate::oneshot::table::Table;

/// What a disk, a merge or an editor does to a file: bits turned, an end cut off, a block of zeros, nothing left.
fn damages(good: &[u8]) -> Vec<(String, Vec<u8>)> {
    let mut all = Vec::new();
    let count = (8 * scale() as usize).min(good.len());
    for n in 0..count {
        let at = n * good.len() / count;
        let mut bytes = good.to_vec();
        bytes[at] ^= 1 << (n % 8);
        all.push((format!("byte {at} turned"), bytes));
        if n % 2 == 0 {
            all.push((format!("cut off at {at}"), good[..at].to_vec()));
        }
    }
    let mut zeros = good.to_vec();
    let (from, to) = (good.len() / 3, good.len() / 2);
    zeros[from..to].fill(0);
    all.push(("a block of zeros".into(), zeros));
    all.push(("a folder's worth of nothing".into(), vec![0; good.len()]));
    all
}

/// Runs the program with a generous limit: a hang is a failure.
fn ran(p: &Project, args: &[&str]) -> Ran {
    let mut child = p.start(args);
    wait_until(&format!("the end of {args:?}"), || child.try_wait().unwrap().is_some());
    child.wait_with_output().unwrap().into()
}

struct Campaign<'a> {
    project: &'a Project,
    file: PathBuf,
    args: &'a [&'a str],
    /// What else an error may call the file.
    named: &'a str,
}

impl Campaign<'_> {
    /// After each damage `undo` puts everything back. Gives how many were refused.
    fn run(&self, undo: impl Fn()) -> usize {
        let good = fs::read(&self.file).unwrap();
        let name = self.file.file_name().unwrap().to_string_lossy().into_owned();
        let (mut refused, mut all) = (0, 0);
        for (what, bytes) in damages(&good) {
            fs::write(&self.file, &bytes).unwrap();
            let ran = ran(self.project, self.args);
            let said = format!("{name}, {what}: exit {}\n{}{}", ran.code, ran.out, ran.err);
            assert!((0..=7).contains(&ran.code), "{said}");
            assert!(!ran.err.contains("panicked"), "{said}");
            if ran.code == 2 {
                refused += 1;
                assert!(
                    ran.err.contains(&name) || ran.err.contains(self.named),
                    "the file is not named: {said}"
                );
                assert!(ran.err.contains("hint: "), "no remedy: {said}");
                assert!(fs::read(&self.file).unwrap() == bytes, "what was refused was written over: {said}");
            }
            all += 1;
            fs::write(&self.file, &good).unwrap();
            undo();
        }
        println!("{name}: damaged {all} times, refused {refused} times");
        refused
    }
}

/// T3: the state is never begun anew.
#[test]
fn the_state_file() {
    let p = Project::new();
    p.run(&["--sync-loops", "2", "--no-git"]).expect(0);
    let good = p.read("sync/state.json");
    let campaign = Campaign {
        project: &p,
        file: p.path("sync/state.json"),
        args: &["--once", "--no-git"],
        named: "sync/state.json",
    };
    let refused = campaign.run(|| p.write("sync/state.json", &good));
    assert!(refused >= 4, "only {refused} were refused");
    assert!(!p.sequence().is_empty());
}

/// T33.
#[test]
fn the_configuration() {
    let p = Project::new();
    p.config(
        "router: {enabled: true, review_every_n: 3}\nlogs_dir: logs\nauto_commit: {docs: {enabled: true}}\n",
    );
    p.run(&["--once", "--no-git"]).expect(0);
    let campaign = Campaign {
        project: &p,
        file: p.path("orchestration.yaml"),
        args: &["check"],
        // A name of a prompt or a folder that was damaged is not a damaged file.
        named: "",
    };
    assert!(campaign.run(|| ()) >= 3);
}

/// O9.
#[test]
fn a_session() {
    let t = Table::with("audit_retries: 0");
    t.auditor("read; print nothing clear");
    t.run(&["a task"]);
    let folder = t.folder();
    let campaign = Campaign {
        project: &t.project,
        file: folder.join("session.json"),
        args: &["oneshot", "resume", "--max-iterations", "2"],
        named: "session",
    };
    assert!(campaign.run(|| ()) >= 3);
    t.nobody_is_left();
}

/// W2.
#[test]
fn a_batch() {
    let p = Project::new();
    p.write("tasks", "echo one >> ran\nexit 3\n");
    p.run(&["batch", "--exec", "tasks"]).expect(3);
    let files: Vec<_> =
        fs::read_dir(p.path(".orchestrator/batch")).unwrap().map(|e| e.unwrap().path()).collect();
    let id = files[0].file_stem().unwrap().to_string_lossy().into_owned();
    let campaign =
        Campaign { project: &p, file: files[0].clone(), args: &["batch", "--resume", &id], named: "batch" };
    assert!(campaign.run(|| ()) >= 3);
}

/// The rest of a workstream's file is read only while it is run; its record is the ledger's.
#[test]
fn a_workstream() {
    let p = Project::new();
    p.write(
        "ws.yaml",
        "id: ws-a\nmax_parallel: 2\nsteps:\n- id: one\n  run: [sh, -c, 'echo one >> ran']\n- id: two\n  depends_on: [one]\n  shell: echo two >> ran\n  gates: [{file_exists: ran}]\n",
    );
    let campaign = Campaign {
        project: &p,
        file: p.path("ws.yaml"),
        args: &["workstream", "run", "ws.yaml"],
        named: "ws.yaml",
    };
    assert!(campaign.run(|| ()) >= 3);
}

/// L-rules: the record may be lost, the loop may not; what is damaged is kept aside.
#[test]
fn the_ledger() {
    let p = Project::new();
    p.run(&["--sync-loops", "2", "--no-git"]).expect(0);
    let path = p.path(".orchestrator/ledger.db");
    // Everything into the one file.
    let raw = rusqlite::Connection::open(&path).unwrap();
    raw.pragma_update(None, "journal_mode", "DELETE").unwrap();
    drop(raw);
    let good = fs::read(&path).unwrap();
    let mut turns = 4;
    let (mut all, mut aside) = (0, 0);
    for (what, bytes) in damages(&good) {
        for ending in ["-wal", "-shm"] {
            let _ = fs::remove_file(p.path(&format!(".orchestrator/ledger.db{ending}")));
        }
        fs::write(&path, &bytes).unwrap();
        let looked = ran(&p, &["history"]);
        let said = format!("{what}: {looked:?}");
        assert!([0, 2].contains(&looked.code) && !looked.err.contains("panicked"), "{said}");
        assert!(looked.code == 0 || looked.err.contains("hint: "), "{said}");
        let turn = ran(&p, &["--once", "--no-git"]);
        turns += 2;
        assert_eq!(turn.code, 0, "{what}: a turn was lost to its record: {turn:?}");
        assert_eq!(p.sequence().len(), turns, "{what}: a turn was lost or repeated");
        all += 1;
        let folder = fs::read_dir(p.path(".orchestrator")).unwrap();
        let kept: Vec<_> = folder
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.to_string_lossy().contains(".damaged-"))
            .collect();
        aside += usize::from(!kept.is_empty());
        for path in kept {
            fs::remove_file(path).unwrap();
        }
    }
    println!("ledger.db: damaged {all} times, put aside {aside} times, {turns} turns");
    assert!(aside > 0, "no damage was ever seen");
}
