//! What is shown where nobody chose. Pure; the source and the view ask alike.

use super::sight::{Item, Live, Run, State};

/// The run in the panes: the chosen one, else one that lives, else the newest.
pub fn run<'a>(runs: &'a [Run], live: &[Live], chosen: Option<&str>) -> Option<&'a Run> {
    let lives = |run: &&Run| live.iter().any(|l| l.run_id == run.id);
    let by_name = chosen.and_then(|id| runs.iter().find(|run| run.id == id));
    by_name.or_else(|| runs.iter().find(lives)).or_else(|| runs.first())
}

/// The item whose output is shown: the chosen one, else what runs, else a task or step that failed, else what began
/// last. A loop's turns come after each other: there the last one says how it stands.
pub fn item<'a>(items: &'a [Item], chosen: Option<&str>) -> Option<&'a Item> {
    let by_name = chosen.and_then(|key| items.iter().find(|item| item.key == key));
    let newest = |items: &mut dyn Iterator<Item = &'a Item>| {
        items.max_by_key(|i| (i.began_ms, i.attempt_id.as_deref()))
    };
    by_name
        .or_else(|| newest(&mut items.iter().filter(|i| i.state == State::Running && i.attempt_id.is_some())))
        .or_else(|| {
            newest(&mut items.iter().filter(|i| i.state == State::Failed && i.iteration.unwrap_or(0) == 0))
        })
        .or_else(|| newest(&mut items.iter().filter(|i| i.began_ms.is_some())))
        .or_else(|| items.first())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::tui::samples;

    #[test]
    fn what_runs_comes_before_what_ran() {
        let items = samples::turns();
        assert_eq!(item(&items, None).map(|i| i.state), Some(State::Running));
        let over: Vec<Item> = items.iter().filter(|i| i.state.is_over()).cloned().collect();
        let newest = over.iter().map(|i| i.began_ms).max().flatten();
        assert_eq!(item(&over, None).and_then(|i| i.began_ms), newest);
        assert_eq!(item(&items, Some(&items[2].key)).map(|i| &i.key), Some(&items[2].key));
        assert!(item(&[], None).is_none());
        let mut steps = samples::workstream().shown.unwrap().items;
        steps.retain(|step| step.state != State::Running);
        assert_eq!(item(&steps, None).map(|i| i.title.as_str()), Some("shout"));
    }

    #[test]
    fn a_live_run_comes_before_a_newer_one() {
        let sight = samples::running();
        let mut runs = sight.runs.clone();
        runs.insert(0, Run { id: "newer".into(), state: State::Failed, ..runs[0].clone() });
        assert_eq!(run(&runs, &sight.live, None).map(|r| &r.id), Some(&sight.runs[0].id));
        assert_eq!(run(&runs, &[], None).map(|r| r.id.as_str()), Some("newer"));
        assert_eq!(run(&runs, &sight.live, Some("newer")).map(|r| r.id.as_str()), Some("newer"));
    }
}
