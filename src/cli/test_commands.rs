//! How a project tests itself, as far as its files show it.

use std::fs;
use std::path::Path;

/// A file, a text that it must hold (empty: any), and the command.
const SIGNS: &[(&str, &str, &str)] = &[
    ("Makefile", "\ntest:", "make test"),
    ("justfile", "\ntest:", "just test"),
    ("Cargo.toml", "", "cargo test"),
    ("go.mod", "", "go test ./..."),
    ("pyproject.toml", "", "python -m pytest"),
    ("pytest.ini", "", "python -m pytest"),
    ("setup.py", "", "python -m pytest"),
    ("mix.exs", "", "mix test"),
    ("pom.xml", "", "mvn test"),
    ("gradlew", "", "./gradlew test"),
];

/// Each command once, in the order in which they are looked for.
pub(super) fn test_commands(root: &Path) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let signs = SIGNS.iter().filter(|(name, part, _)| {
        // A line's beginning is looked for: the first line has one too.
        fs::read_to_string(root.join(name)).is_ok_and(|text| format!("\n{text}").contains(part))
    });
    let package = node_test(root).into_iter();
    for command in signs.map(|(_, _, command)| (*command).to_owned()).chain(package) {
        if !found.contains(&command) {
            found.push(command);
        }
    }
    found
}

/// The test script of a package, if somebody wrote one, run by the package manager whose lock file is there.
fn node_test(root: &Path) -> Option<String> {
    let text = fs::read_to_string(root.join("package.json")).ok()?;
    let package: serde_json::Value = serde_json::from_str(&text).ok()?;
    let script = package["scripts"]["test"].as_str()?;
    if script.contains("no test specified") {
        return None;
    }
    let locks = [("pnpm-lock.yaml", "pnpm test"), ("yarn.lock", "yarn test")];
    let other = locks.into_iter().find(|(lock, _)| root.join(lock).exists());
    Some(other.map_or("npm test", |(_, command)| command).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_found_by_files() {
        let dir = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| fs::write(dir.path().join(name), text).unwrap();
        assert!(test_commands(dir.path()).is_empty());
        write("Makefile", "all:\n\techo latest: x\n");
        write("package.json", r#"{"scripts": {"test": "echo \"Error: no test specified\" && exit 1"}}"#);
        assert!(test_commands(dir.path()).is_empty());
        write("Makefile", "test: all\n\t./t\n");
        write("package.json", r#"{"scripts": {"test": "node t.js"}}"#);
        write("yarn.lock", "");
        write("pyproject.toml", "");
        write("setup.py", "");
        assert_eq!(test_commands(dir.path()), ["make test", "python -m pytest", "yarn test"]);
    }
}
