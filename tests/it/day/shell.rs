//! `schema`, `completions` and `man` print what shells, editors and `man` can read.

use crate::cli::project::Project;

#[test]
fn the_schema_is_json() {
    let p = Project::new();
    let out = p.run(&["schema"]).expect(0).out;
    let schema: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(schema["properties"]["router"]["properties"]["review_every_n"]["minimum"], 0);
    assert_eq!(schema["additionalProperties"], false);
}

/// Every shell's script knows the commands; bash itself reads it and completes a command's name.
#[test]
fn shells_complete_commands() {
    let p = Project::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = p.run(&["completions", shell]).expect(0).out;
        assert!(script.contains("status") && script.contains("oneline"), "{shell}");
    }
    let script = p.run(&["completions", "bash"]).expect(0).out;
    let ask = "COMP_WORDS=(orchestrator sta); COMP_CWORD=1; _orchestrator orchestrator sta orchestrator; echo ${COMPREPLY[*]}";
    p.write("complete.sh", &format!("{script}\n{ask}\n"));
    let out = p.sandboxed("bash", &["--norc", "complete.sh"]).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&out.stdout).trim(), "status", "{out:?}");
    p.run(&["completions", "tcsh"]).expect(2);
}

#[test]
fn every_command_has_a_page() {
    let p = Project::new();
    let page = p.run(&["man", "oneshot", "resume"]).expect(0).out;
    assert!(page.contains(".TH ORCHESTRATOR-ONESHOT-RESUME 1"), "{page}");
    assert!(p.run(&["man", "nothing"]).expect(2).err.contains("`nothing` is no command"));
    let out = p.run(&["man", "--dir", "pages"]).expect(0).out;
    let names: Vec<String> = std::fs::read_dir(p.path("pages"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(out, format!("wrote {} pages to pages\n", names.len()));
    for name in ["orchestrator.1", "orchestrator-status.1", "orchestrator-route-simulate.1"] {
        assert!(names.iter().any(|n| n == name), "{names:?}");
    }
    assert!(!names.iter().any(|n| n.contains("http") || n.contains("help")), "{names:?}");
    let status = p.read("pages/orchestrator-status.1");
    assert!(status.contains("Whose turn it is") && status.contains("\\-\\-oneline"), "{status}");
}
