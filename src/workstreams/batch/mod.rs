//! Many tasks, a few at once (workstreams.md W1 to W4).
//!
//! - `task`: from a person's file to tasks, with every problem named. Pure.
//! - `places`: who may start; the order and the limit. Pure.
//! - `run`, `one`: the shell around them: every task is a process under the supervisor.
//! - `saved`: what `--resume` needs to know of a run. `worktree`: a branch for each task.
//! - `result`: what came of each.
//!
//! ```
//! use orchestrator::workstreams::batch::{Form, Look, tasks};
//!
//! let text = "make test\n\n# a comment\nmake lint\n";
//! let look = Look { file: &|_| Ok(None), folder: &|folder| folder.is_dir() };
//! let tasks = tasks(text, Form::Commands, look).unwrap();
//! assert_eq!(tasks.len(), 2);
//! assert_eq!(tasks[1].id, "2");
//! ```

mod error;
mod one;
mod places;
mod result;
mod run;
mod saved;
mod task;
mod worktree;

pub use error::BatchError;
pub use places::{Next, Places};
pub use result::{Report, State, TaskResult, table};
pub use run::{Options, Setting, World, run};
pub use saved::{Saved, folder};
pub use task::{Form, Look, Task, TaskProblem, Work, tasks};
