//! The graph of steps: order, cycles, levels, critical path. Pure, without recursion, in linear time.

/// Steps are known by their place in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Graph {
    dependencies: Rows,
    dependents: Rows,
    /// Every step after all it depends on; ties in the order of the file.
    order: Vec<usize>,
}

/// Lists of numbers, one after the other: two allocations instead of one a step.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Rows {
    ends: Vec<usize>,
    items: Vec<usize>,
}

impl Rows {
    fn get(&self, row: usize) -> &[usize] {
        let begin = if row == 0 { 0 } else { self.ends[row - 1] };
        &self.items[begin..self.ends[row]]
    }
}

/// Steps that wait for each other, each for the next and the last for the first.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("steps wait for each other")]
pub struct Cycle(pub Vec<usize>);

impl Graph {
    /// From what each step depends on. Numbers that are no step must have been refused before.
    ///
    /// # Errors
    /// The first cycle in the order of the file.
    pub fn new(dependencies: &[Vec<usize>]) -> Result<Self, Cycle> {
        let count = dependencies.len();
        let dependencies = rows(dependencies.iter().map(Vec::as_slice));
        let dependents = turned(&dependencies, count);
        let mut missing: Vec<usize> = (0..count).map(|step| dependencies.get(step).len()).collect();
        let mut order: Vec<usize> = (0..count).filter(|step| missing[*step] == 0).collect();
        let mut next = 0;
        while let Some(step) = order.get(next).copied() {
            next += 1;
            for &dependent in dependents.get(step) {
                missing[dependent] -= 1;
                if missing[dependent] == 0 {
                    order.push(dependent);
                }
            }
        }
        if order.len() < count {
            return Err(cycle(&dependencies, &missing));
        }
        Ok(Self { dependencies, dependents, order })
    }

    pub fn len(&self) -> usize {
        self.order.len()
    }

    pub fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    pub fn dependencies(&self, step: usize) -> &[usize] {
        self.dependencies.get(step)
    }

    pub fn dependents(&self, step: usize) -> &[usize] {
        self.dependents.get(step)
    }

    /// Steps by level: what depends on nothing, then what depends only on that, and so on.
    pub fn levels(&self) -> Vec<Vec<usize>> {
        let mut level = vec![0; self.len()];
        let mut levels: Vec<Vec<usize>> = Vec::new();
        for &step in &self.order {
            let own = self.dependencies(step).iter().map(|d| level[*d] + 1).max().unwrap_or(0);
            level[step] = own;
            if levels.len() <= own {
                levels.resize(own + 1, Vec::new());
            }
            levels[own].push(step);
        }
        for steps in &mut levels {
            steps.sort_unstable();
        }
        levels
    }

    /// For each step the cost of the most expensive way from it to an end, itself included.
    pub fn ranks(&self, cost: impl Fn(usize) -> u64) -> Vec<u64> {
        let mut rank = vec![0u64; self.len()];
        for &step in self.order.iter().rev() {
            let below = self.dependents(step).iter().map(|d| rank[*d]).max().unwrap_or(0);
            rank[step] = below.saturating_add(cost(step));
        }
        rank
    }

    /// The most expensive way through; of equal ones the first in the order of the file.
    pub fn critical_path(&self, cost: impl Fn(usize) -> u64) -> Vec<usize> {
        let rank = self.ranks(cost);
        let best = |steps: &mut dyn Iterator<Item = usize>| {
            steps.min_by_key(|step| (std::cmp::Reverse(rank[*step]), *step))
        };
        let mut path = Vec::new();
        let mut at = best(&mut (0..self.len()).filter(|step| self.dependencies(*step).is_empty()));
        while let Some(step) = at {
            path.push(step);
            at = best(&mut self.dependents(step).iter().copied());
        }
        path
    }

    /// Whether `step` cannot begin before `other` is done.
    pub fn waits_for(&self, step: usize, other: usize) -> bool {
        let mut seen = std::collections::HashSet::new();
        let mut stack = vec![step];
        while let Some(at) = stack.pop() {
            for &dependency in self.dependencies(at) {
                if dependency == other {
                    return true;
                }
                if seen.insert(dependency) {
                    stack.push(dependency);
                }
            }
        }
        false
    }
}

fn rows<'a>(lists: impl Iterator<Item = &'a [usize]>) -> Rows {
    let (mut ends, mut items) = (Vec::new(), Vec::new());
    for list in lists {
        items.extend_from_slice(list);
        ends.push(items.len());
    }
    Rows { ends, items }
}

/// Who is named by whom.
fn turned(rows: &Rows, count: usize) -> Rows {
    let mut ends = vec![0; count];
    for &item in &rows.items {
        ends[item] += 1;
    }
    let mut sum = 0;
    for end in &mut ends {
        let own = *end;
        // First the place where the row begins; it moves to the row's end while the row is filled.
        *end = sum;
        sum += own;
    }
    let mut items = vec![0; rows.items.len()];
    for step in 0..count {
        for &item in rows.get(step) {
            items[ends[item]] = step;
            ends[item] += 1;
        }
    }
    Rows { ends, items }
}

/// Of the steps that were never free, a way back to where it began.
fn cycle(dependencies: &Rows, missing: &[usize]) -> Cycle {
    let mut seen = vec![usize::MAX; missing.len()];
    let mut path = Vec::new();
    let mut at = missing.iter().position(|n| *n > 0).unwrap_or(0);
    while seen[at] == usize::MAX {
        seen[at] = path.len();
        path.push(at);
        // A step that was never free waits for another one that was not.
        at = dependencies.get(at).iter().copied().find(|d| missing[*d] > 0).unwrap_or(at);
    }
    let mut around = path.split_off(seen[at]);
    let first = around.iter().enumerate().min_by_key(|(_, step)| **step).map_or(0, |(place, _)| place);
    around.rotate_left(first);
    Cycle(around)
}

#[cfg(test)]
pub(crate) use tests::random;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_diamond() {
        let graph = Graph::new(&[vec![], vec![0], vec![0], vec![1, 2]]).unwrap();
        assert_eq!(graph.levels(), [vec![0], vec![1, 2], vec![3]]);
        assert_eq!(graph.critical_path(|_| 1), [0, 1, 3]);
        assert_eq!(graph.critical_path(|step| if step == 2 { 5 } else { 1 }), [0, 2, 3]);
        assert_eq!(graph.dependents(0), [1, 2]);
        assert!(graph.waits_for(3, 0) && !graph.waits_for(1, 2) && !graph.waits_for(0, 0));
        assert!(Graph::new(&[]).unwrap().levels().is_empty());
        assert!(Graph::new(&[]).unwrap().is_empty() && !graph.is_empty());
    }

    /// W6: the path is named, and only it: not the way to it, not what hangs on it.
    #[test]
    fn cycles_are_named() {
        assert_eq!(Graph::new(&[vec![0]]), Err(Cycle(vec![0])));
        assert_eq!(Graph::new(&[vec![3], vec![], vec![3, 1], vec![2], vec![0]]), Err(Cycle(vec![2, 3])));
        let ring: Vec<Vec<usize>> = (0..50_000).map(|n| vec![(n + 1) % 50_000]).collect();
        assert_eq!(Graph::new(&ring).unwrap_err().0.len(), 50_000);
    }

    /// W12: 10 000 wide, 50 000 deep, 100 000 at random: on a small stack, since nothing is recursive.
    #[test]
    fn deep_and_wide() {
        let work = || {
            let mut wide = vec![Vec::new(); 10_001];
            wide[10_000] = (0..10_000).collect();
            assert_eq!(Graph::new(&wide).unwrap().levels().len(), 2);
            let chain: Vec<Vec<usize>> =
                (0..50_000usize).map(|n| n.checked_sub(1).into_iter().collect()).collect();
            let graph = Graph::new(&chain).unwrap();
            assert_eq!(graph.levels().len(), 50_000);
            assert_eq!(graph.critical_path(|_| 1).len(), 50_000);
            assert!(graph.waits_for(49_999, 0));
            let graph = Graph::new(&random(100_000, 3, 1)).unwrap();
            assert_eq!(graph.levels().iter().map(Vec::len).sum::<usize>(), 100_000);
        };
        std::thread::Builder::new().stack_size(256 * 1024).spawn(work).unwrap().join().unwrap();
    }

    /// Each step depends on up to `most` earlier ones.
    pub(crate) fn random(count: usize, most: usize, seed: u64) -> Vec<Vec<usize>> {
        let mut seed = seed;
        let mut draw = |below: usize| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            usize::try_from(seed >> 33).unwrap() % below
        };
        let mut all = Vec::with_capacity(count);
        for step in 0..count {
            let mut own: Vec<usize> = Vec::new();
            if step > 0 {
                for _ in 0..draw(most + 1) {
                    own.push(draw(step));
                }
            }
            own.sort_unstable();
            own.dedup();
            all.push(own);
        }
        all
    }

    proptest! {
        /// A cycle that is named is one, and there is none where an order is given.
        #[test]
        fn an_order_or_a_cycle(lists in prop::collection::vec(prop::collection::vec(0usize..12, 0..4), 12)) {
            match Graph::new(&lists) {
                Ok(graph) => {
                    let mut done = vec![false; lists.len()];
                    for &step in &graph.order {
                        prop_assert!(lists[step].iter().all(|d| done[*d]));
                        done[step] = true;
                    }
                    prop_assert!(done.into_iter().all(|d| d));
                }
                Err(Cycle(path)) => {
                    for (place, step) in path.iter().enumerate() {
                        prop_assert!(lists[*step].contains(&path[(place + 1) % path.len()]));
                    }
                }
            }
        }
    }
}
