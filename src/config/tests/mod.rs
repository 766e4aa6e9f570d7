use std::fs;

use super::*;

mod check;
mod example;
mod garbage;
mod layers;
mod reference;
mod schema;
mod search;
mod table;

fn load_text(text: &str) -> Result<Loaded, ConfigError> {
    load_with(text, &[], &[])
}

fn load_with(text: &str, vars: &[(&str, &str)], flags: &[Override]) -> Result<Loaded, ConfigError> {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join(FILE_NAME), text).unwrap();
    let vars: Vec<(String, String)> = vars.iter().map(|(k, v)| ((*k).into(), (*v).into())).collect();
    load(dir.path(), None, &vars, flags)
}

fn problems(text: &str) -> Vec<String> {
    load_text(text).unwrap_err().lines()
}
