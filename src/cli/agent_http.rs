//! The hidden command that is the `http` agent's child process: prompt on stdin, records on stdout.

use super::args::AgentHttpArgs;
use super::error::{Failure, USAGE};

#[cfg(not(feature = "http"))]
pub(super) fn agent_http(_args: &AgentHttpArgs) -> Result<u8, Failure> {
    Err(Failure::new(USAGE, "usage", "talk to a server").cause("this build has no `http` feature"))
}

#[cfg(feature = "http")]
pub(super) fn agent_http(args: &AgentHttpArgs) -> Result<u8, Failure> {
    use std::io::Read;

    use super::error::{FAILED, INTERNAL, OK};
    use crate::agents::http::{Call, api_of, talk};
    use crate::clock::{Clock, SystemClock};

    let usage = |what: String| Failure::new(USAGE, "usage", what);
    let io = |what: &str, e: &dyn std::fmt::Display| Failure::new(INTERNAL, "io", what).cause(e.to_string());
    let api = api_of(&args.api).ok_or_else(|| usage(format!("`{}` is no API", args.api)))?;
    let key = match &args.key_env {
        None => None,
        Some(name) => match std::env::var(name) {
            Ok(key) if !key.trim().is_empty() => Some(key.trim().to_owned()),
            _ => return Err(usage("find the key".into()).cause(format!("the variable {name} is not set"))),
        },
    };
    let mut prompt = String::new();
    std::io::stdin().lock().read_to_string(&mut prompt).map_err(|e| io("read the prompt", &e))?;
    let call = Call { api, url: args.url.clone(), model: args.model.clone(), key };
    let now = || SystemClock.now().as_second();
    let whole = talk(&call, &prompt, &now, &mut std::io::stdout().lock());
    Ok(if whole.map_err(|e| io("write the records", &e))? { OK } else { FAILED })
}
