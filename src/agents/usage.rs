//! Sums of what several runs of one turn used: pure.

use crate::supervise::Usage;

/// The sum of two runs, field by field. What one of them did not say is not known of both: a part is never given
/// for the whole.
pub fn together(first: Usage, second: Usage) -> Usage {
    let tokens = |a: Option<u64>, b: Option<u64>| a.zip(b).map(|(a, b)| a.saturating_add(b));
    Usage {
        input_tokens: tokens(first.input_tokens, second.input_tokens),
        output_tokens: tokens(first.output_tokens, second.output_tokens),
        cached_tokens: tokens(first.cached_tokens, second.cached_tokens),
        cost_usd: first.cost_usd.zip(second.cost_usd).map(|(a, b)| a + b),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_one_run_did_not_say_is_unknown() {
        let known =
            Usage { input_tokens: Some(3), output_tokens: Some(2), cached_tokens: None, cost_usd: Some(0.5) };
        let sum = together(known, Usage { cost_usd: None, cached_tokens: Some(1), ..known });
        assert_eq!(sum, Usage { input_tokens: Some(6), output_tokens: Some(4), ..Usage::default() });
        assert_eq!(together(known, known).cost_usd, Some(1.0));
    }
}
