//! From the claim to the prompt that runs (turns.md T9 to T11).

use super::Engine;
use super::attempts::Task;
use crate::config::document;
use crate::event::Event as Fact;
use crate::ids::RoleId;
use crate::supervise::Outcome;
use crate::turns::prompt_name::resolve;
use crate::turns::router::{self, Choice};

/// A prompt that may run, read.
pub(super) struct Routed {
    pub choice: Choice,
    pub text: String,
}

/// Why nothing runs.
pub(super) struct Unrouted {
    pub prompt: String,
    pub causes: Vec<String>,
    /// The router prompt was cut short by a signal.
    pub interrupted: Option<Box<Outcome>>,
}

impl Engine<'_> {
    /// The override where there is one, then the checks of T10. Runs the router prompt at most.
    pub(super) async fn route(
        &mut self,
        role: &RoleId,
        turn_id: &str,
        deterministic: Result<Choice, router::RouteError>,
    ) -> Result<Routed, Unrouted> {
        let refuse = |prompt: &str, cause: String| Unrouted {
            prompt: prompt.to_owned(),
            causes: vec![cause],
            interrupted: None,
        };
        let settings = self.settings;
        let mut choice = deterministic.map_err(|e| refuse("-", e.to_string()))?;
        let asked = router::override_prompt(&settings.workflow, &settings.router, role)
            .map_err(|e| refuse("-", e.to_string()))?;
        if let Some(router_prompt) = asked {
            let answer = self.ask_router(role, turn_id, router_prompt).await?;
            choice = router::read_answer(&settings.router, &answer)
                .map_err(|e| refuse(router_prompt, format!("{e}; the answer was: {}", brief(&answer))))?;
        }
        router::check(&settings.workflow, &settings.router, role, &choice)
            .map_err(|e| refuse(&choice.prompt, e.to_string()))?;
        let text = self.read_prompt(&choice.prompt).map_err(|e| {
            refuse(&choice.prompt, format!("`{}` (chosen by {}): {e}", choice.prompt, choice.reason))
        })?;
        self.say(Fact::PromptRouted {
            iteration: self.state.iteration,
            role: role.to_string(),
            prompt: choice.prompt.clone(),
            source: choice.source.to_string(),
            reason: choice.reason.clone(),
            answer: choice.answer.clone(),
        });
        Ok(Routed { choice, text })
    }

    fn read_prompt(&self, name: &str) -> Result<String, String> {
        let path = resolve(&self.settings.prompts_folder(), name).map_err(|e| e.to_string())?;
        document(&path).map_err(|e| format!("{}: {e}", path.display()))
    }

    /// The router prompt, run through the default agent; its answer.
    async fn ask_router(&mut self, role: &RoleId, turn_id: &str, prompt: &str) -> Result<String, Unrouted> {
        let refuse = |cause: String| Unrouted {
            prompt: prompt.to_owned(),
            causes: vec![format!("the router prompt `{prompt}` did not answer"), cause],
            interrupted: None,
        };
        let settings = self.settings;
        let file_text = self.read_prompt(prompt).map_err(&refuse)?;
        let name = settings.config.agent.default.clone();
        let roster = self.roster(&name).map_err(|e| refuse(e.to_string()))?;
        let now = self.world.clock.now();
        let context = super::context_for(
            settings,
            role,
            self.state.iteration,
            self.git.as_ref().map(|g| g.branch.as_str()),
            now,
            self.past(),
        );
        let allowed = settings.workflow.allowed_for(role);
        let allowed: Vec<&str> = allowed
            .iter()
            .map(String::as_str)
            .filter(|p| {
                settings.router.allowlist.is_empty() || settings.router.allowlist.iter().any(|a| a == p)
            })
            .collect();
        let names = allowed.join("\n- ");
        let text = format!("{}Allowed prompts:\n- {names}\n\n{file_text}", context.render());
        let task = Task {
            role,
            prompt,
            text: &text,
            file_text: &file_text,
            attempt: self.world.ids.uuid(),
            turn_id,
            report_dir: &context.report_dir,
            limits: crate::config::Limits::default(),
            engine: crate::config::Engine::Turn,
            routing: "the router prompt",
        };
        let (outcome, answer) = self.run_by(roster, &task, None).await.map_err(|e| refuse(e.to_string()))?;
        if outcome.succeeded() {
            return Ok(outcome.final_message.unwrap_or(answer));
        }
        let mut refused = refuse(super::finish::status_words(&outcome));
        refused.causes.extend(outcome.last_lines.iter().cloned());
        if self.cut.is_some() || matches!(outcome.state, crate::supervise::Lifecycle::Interrupted { .. }) {
            refused.interrupted = Some(Box::new(outcome));
        }
        Err(refused)
    }
}

fn brief(answer: &str) -> String {
    let text: String = answer.trim().chars().take(200).collect();
    text.escape_debug().to_string()
}
