//! The page for users: its example is run as it stands there.

use crate::cli::project::Project;

const PAGE: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/oneshot.md"));

/// The fenced blocks: the info string's words, and the text.
fn fences() -> Vec<(Vec<&'static str>, String)> {
    let mut found: Vec<(Vec<&str>, String)> = Vec::new();
    let mut open: Option<&str> = None;
    for line in PAGE.lines() {
        let ticks = &line[..line.len() - line.trim_start_matches('`').len()];
        match open {
            None if ticks.len() >= 3 => {
                open = Some(ticks);
                found.push((line[ticks.len()..].split_whitespace().collect(), String::new()));
            }
            Some(fence) if line == fence => open = None,
            Some(_) => {
                let (_, text) = found.last_mut().unwrap();
                text.push_str(line);
                text.push('\n');
            }
            None => {}
        }
    }
    found
}

/// Without what differs between two runs: ids and times.
fn plain(text: &str) -> String {
    let word = |word: &str| {
        let id = word.len() == 36 && word.bytes().filter(|b| *b == b'-').count() == 4;
        let time = word
            .trim_end_matches(',')
            .strip_suffix('s')
            .is_some_and(|n| n.contains('.') && n.parse::<f64>().is_ok());
        if id {
            "ID".to_owned()
        } else if time {
            "TIME".to_owned()
        } else {
            word.to_owned()
        }
    };
    let line = |line: &str| {
        let words: Vec<String> =
            line.split(' ').map(|w| w.split('/').map(word).collect::<Vec<_>>().join("/")).collect();
        words.join(" ")
    };
    text.lines().map(line).collect::<Vec<_>>().join("\n")
}

#[test]
fn the_example_is_what_happens() {
    let p = Project::new();
    let all = fences();
    for (info, text) in all.iter().filter(|(info, _)| info.len() == 2) {
        p.write(info[1], text);
    }
    let (_, console) = all.iter().find(|(info, _)| info == &["console"]).unwrap();
    let program = std::path::Path::new(env!("CARGO_BIN_EXE_orchestrator"));
    let mut commands = 0;
    for part in console.split("$ ").filter(|part| !part.is_empty()) {
        let (command, expected) = part.split_once('\n').unwrap();
        let shell = format!("PATH={}:$PATH; {command} 2>&1", program.parent().unwrap().display());
        // The same environment, another program.
        let like = p.command(&[]);
        let mut run = std::process::Command::new("sh");
        run.args(["-c", &shell]).current_dir(p.root()).env_clear();
        run.envs(like.get_envs().filter_map(|(k, v)| Some((k, v?))));
        let output = run.output().unwrap();
        assert_eq!(plain(&String::from_utf8_lossy(&output.stdout)), plain(expected), "{command}");
        commands += 1;
    }
    assert_eq!(commands, 2);
}

/// The commands and options that the page names are there.
#[test]
fn what_the_page_names_is_there() {
    let p = Project::new();
    let help = |args: &[&str]| p.run(&[args, &["--help"]].concat()).expect(0).out;
    let all =
        help(&["oneshot", "run"]) + &help(&["oneshot", "resume"]) + &help(&["oneshot"]) + &help(&["history"]);
    let options: Vec<&str> = PAGE
        .split(|c: char| !(c.is_ascii_lowercase() || c == '-'))
        .filter(|word| word.starts_with("--") && word.len() > 3 && !word.starts_with("---"))
        .collect();
    assert!(options.len() > 10, "{options:?}");
    for option in options {
        assert!(all.contains(option), "{option}");
    }
    for command in ["run", "resume", "list", "view", "follow"] {
        help(&["oneshot", command]);
    }
}
