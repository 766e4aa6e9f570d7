//! Who may start: at most so many at once, in the order given (workstreams.md W2). Pure.

/// The queue of a batch. Tasks are known by their place in the list.
#[derive(Debug, Clone)]
pub struct Places {
    limit: usize,
    running: usize,
    next: usize,
    /// Whether each is to be run at all: those finished by an earlier run are not.
    wanted: Vec<bool>,
    halted: bool,
}

/// What to do now.
#[must_use]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    Start(usize),
    /// For one that runs to end.
    Wait,
    /// Nothing runs and nothing will.
    Over,
}

impl Places {
    /// `limit` of 0 counts as 1.
    pub fn new(wanted: Vec<bool>, limit: usize) -> Self {
        Self { limit: limit.max(1), running: 0, next: 0, wanted, halted: false }
    }

    /// The next step; a task that is given out counts as running until [`Places::ended`].
    pub fn step(&mut self) -> Next {
        while !self.halted && self.wanted.get(self.next) == Some(&false) {
            self.next += 1;
        }
        let waiting = !self.halted && self.next < self.wanted.len();
        if waiting && self.running < self.limit {
            self.running += 1;
            self.next += 1;
            return Next::Start(self.next - 1);
        }
        if self.running == 0 { Next::Over } else { Next::Wait }
    }

    /// One that was given out has ended, and its place is free.
    pub fn ended(&mut self) {
        self.running = self.running.saturating_sub(1);
    }

    /// Nothing more is begun. Returns those that never will be.
    pub fn halt(&mut self) -> Vec<usize> {
        if std::mem::replace(&mut self.halted, true) {
            return Vec::new();
        }
        (self.next..self.wanted.len()).filter(|at| self.wanted[*at]).collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// W2: in order, each wanted one once, never more than the limit; after a halt nothing.
        #[test]
        fn order_and_limit(
            wanted in prop::collection::vec(any::<bool>(), 0..40),
            limit in 0usize..7,
            steps in prop::collection::vec(0u8..20, 0..200),
        ) {
            let mut places = Places::new(wanted.clone(), limit);
            let (mut started, mut running, mut never) = (Vec::new(), 0usize, None);
            let mut steps = steps.into_iter();
            loop {
                match places.step() {
                    Next::Start(at) => {
                        prop_assert!(never.is_none() && wanted[at]);
                        prop_assert!(started.last().is_none_or(|last| *last < at));
                        started.push(at);
                        running += 1;
                        prop_assert!(running <= limit.max(1));
                    }
                    Next::Wait => {
                        prop_assert!(running > 0);
                        if steps.next() == Some(0) && never.is_none() {
                            never = Some(places.halt());
                        }
                        running -= 1;
                        places.ended();
                    }
                    Next::Over => break,
                }
            }
            prop_assert_eq!(running, 0);
            let all: Vec<usize> = (0..wanted.len()).filter(|at| wanted[*at]).collect();
            started.extend(never.unwrap_or_default());
            prop_assert_eq!(started, all, "each is started or reported as never begun");
            prop_assert!(places.halt().len() <= wanted.len());
        }
    }
}
