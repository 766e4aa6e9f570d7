//! The blocks that the embedded `shell` agent runs (agents.md A7): pure.

/// A fenced block whose info string is `sh run` or `bash run`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// From 1, counting only blocks that run.
    pub number: usize,
    /// Line of the opening fence in the prompt file, from 1.
    pub line: usize,
    /// `sh` or `bash`.
    pub shell: String,
    pub script: String,
}

/// A prompt that the embedded agent cannot run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BlockError {
    #[error("the prompt has no `sh run` block: the shell agent runs only fenced blocks marked ```sh run")]
    None,
}

/// An open fence: its character, its length and its indent.
struct Fence {
    mark: char,
    length: usize,
    indent: usize,
}

/// The blocks in their order. Fences follow `CommonMark`: three or more backticks or tildes, up to
/// three blanks before, closed by one at least as long of the same kind, or by the end of the file.
pub fn blocks(prompt: &str) -> Result<Vec<Block>, BlockError> {
    let mut found: Vec<Block> = Vec::new();
    let mut open: Option<(Fence, bool)> = None;
    for (index, line) in prompt.lines().enumerate() {
        match &open {
            None => {
                let Some((fence, info)) = opening(line) else { continue };
                let mut words = info.split_whitespace();
                let shell = words.next().filter(|w| matches!(*w, "sh" | "bash"));
                let runs = words.next() == Some("run") && words.next().is_none();
                if let (Some(shell), true) = (shell, runs) {
                    let (number, line) = (found.len() + 1, index + 1);
                    found.push(Block { number, line, shell: shell.to_owned(), script: String::new() });
                    open = Some((fence, true));
                } else {
                    open = Some((fence, false));
                }
            }
            Some((fence, runs)) => {
                if closes(fence, line) {
                    open = None;
                } else if *runs && let Some(block) = found.last_mut() {
                    let blanks = line.len() - line.trim_start_matches(' ').len();
                    block.script.push_str(&line[blanks.min(fence.indent)..]);
                    block.script.push('\n');
                }
            }
        }
    }
    if found.is_empty() { Err(BlockError::None) } else { Ok(found) }
}

fn opening(line: &str) -> Option<(Fence, &str)> {
    let rest = line.trim_start_matches(' ');
    let indent = line.len() - rest.len();
    let mark = rest.chars().next().filter(|c| matches!(c, '`' | '~'))?;
    let info = rest.trim_start_matches(mark);
    let length = rest.len() - info.len();
    let valid = indent <= 3 && length >= 3 && !(mark == '`' && info.contains('`'));
    valid.then(|| (Fence { mark, length, indent }, info.trim()))
}

fn closes(fence: &Fence, line: &str) -> bool {
    let rest = line.trim_start_matches(' ');
    let after = rest.trim_start_matches(fence.mark);
    line.len() - rest.len() <= 3 && rest.len() - after.len() >= fence.length && after.trim().is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A7: only `sh run` and `bash run` blocks, in order, with number and line.
    #[test]
    fn only_marked_blocks_run() {
        let text = "# x\n```sh\nno\n```\n```sh run\none\n```\r\ntext\n  ~~~~ bash run\n  two\n   three\n```\n  ~~~~\n```sh run\nunclosed";
        let found = blocks(text).unwrap();
        let shown: Vec<_> =
            found.iter().map(|b| (b.number, b.line, b.shell.as_str(), b.script.as_str())).collect();
        assert_eq!(
            shown,
            [(1, 5, "sh", "one\n"), (2, 9, "bash", "two\n three\n```\n"), (3, 14, "sh", "unclosed\n"),]
        );
    }

    #[test]
    fn a_block_inside_a_longer_fence_is_prose() {
        assert_eq!(blocks("````md\n```sh run\nno\n```\n````\n"), Err(BlockError::None));
        assert_eq!(blocks("plain ```sh run``` text\n    ```sh run\nno\n"), Err(BlockError::None));
        assert_eq!(blocks(""), Err(BlockError::None));
    }
}
