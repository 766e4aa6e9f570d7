//! What `init` writes, and whether an agent that does what the prompts say gets anywhere.

mod init;
mod toy_goal;
