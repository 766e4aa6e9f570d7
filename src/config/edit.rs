//! The one change that the program makes to a configuration: consent (agents.md A10). Pure; comments stay.

const KEY: &str = "unattended";

/// The text with `agent.unattended: true`. Whoever writes it reads it back first: a layout that is not understood here
/// must not become a broken file.
pub fn with_consent(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let Some(at) =
        lines.iter().position(|l| *l == "agent:" || l.starts_with("agent: ") || l.starts_with("agent:\t"))
    else {
        let gap = match text {
            "" => "",
            text if text.ends_with('\n') => "\n",
            _ => "\n\n",
        };
        return format!("{text}{gap}agent:\n  {KEY}: true\n");
    };
    let mut out: Vec<String> = lines.iter().map(|l| (*l).to_owned()).collect();
    let rest = lines[at]["agent:".len()..].trim();
    if let Some(inner) = rest.strip_prefix('{') {
        out[at] = format!("agent: {{{}", in_flow(inner));
    } else {
        let child = |l: &&str| l.starts_with([' ', '\t']) && !l.trim_start().starts_with('#');
        let end = lines[at + 1..]
            .iter()
            .position(|l| !l.is_empty() && !l.starts_with([' ', '\t', '#']))
            .map_or(lines.len(), |n| at + 1 + n);
        let block = at + 1..end;
        let own = block.clone().find(|i| lines[*i].trim_start().starts_with("unattended:"));
        if let Some(i) = own {
            out[i] = value_replaced(lines[i]);
        } else {
            let first = lines[block].iter().find(|l| child(l));
            let indent = first.map_or("  ", |l| &l[..l.len() - l.trim_start().len()]);
            out.insert(at + 1, format!("{indent}{KEY}: true"));
        }
    }
    out.join("\n") + "\n"
}

/// `  unattended: false  # why` → `  unattended: true  # why`
fn value_replaced(line: &str) -> String {
    let (key, value) = line.split_once(':').unwrap_or((line, ""));
    let comment = value.find(" #").map_or("", |at| &value[value[..at].trim_end().len()..]);
    format!("{key}: true{comment}")
}

/// What stands behind the opening brace of `agent: {…}`.
fn in_flow(inner: &str) -> String {
    if let Some(at) = inner.find("unattended:") {
        let behind = &inner[at..];
        let end = behind.find([',', '}']).unwrap_or(behind.len());
        return format!("{}{KEY}: true{}", &inner[..at], &behind[end..]);
    }
    let comma = if inner.trim_start().starts_with('}') { "" } else { ", " };
    format!("{KEY}: true{comma}{}", inner.trim_start())
}

#[cfg(test)]
mod tests {
    use super::super::EXAMPLE_YAML;
    use super::*;

    /// A10: consent is written into any usual layout, and nothing else changes.
    #[test]
    fn consent_is_written_where_it_belongs() {
        let cases = [
            ("", "agent:\n  unattended: true\n"),
            ("logs_dir: l", "logs_dir: l\n\nagent:\n  unattended: true\n"),
            ("agent: {default: a}\nx: 1\n", "agent: {unattended: true, default: a}\nx: 1\n"),
            ("agent: {}\n", "agent: {unattended: true}\n"),
            ("agent: {unattended: false, default: a} # c\n", "agent: {unattended: true, default: a} # c\n"),
            ("agent: {default: a, unattended: no}\n", "agent: {default: a, unattended: true}\n"),
            ("agent:\n    default: a\n\nx: 1\n", "agent:\n    unattended: true\n    default: a\n\nx: 1\n"),
            (
                "agent:\n  # unattended: x\n  default: a\n",
                "agent:\n  unattended: true\n  # unattended: x\n  default: a\n",
            ),
            (
                "agents: {}\nagent:\n  unattended: false  # ask\n",
                "agents: {}\nagent:\n  unattended: true  # ask\n",
            ),
        ];
        for (before, after) in cases {
            assert_eq!(with_consent(before), after, "{before:?}");
        }
        let example = with_consent(EXAMPLE_YAML);
        assert_eq!(example, EXAMPLE_YAML.replace("  unattended: false\n", "  unattended: true\n"));
        assert_eq!(with_consent(&example), example);
    }
}
