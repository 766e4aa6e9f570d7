//! Objects from one repository of this machine to another.
//!
//! Children are written before what refers to them, so that an object which is there has all below
//! it there too, also after a crash; that is what lets the walk stop at the first known object.

use std::collections::HashSet;
use std::io::Write;

use git2::{ObjectType, Odb, Oid, Repository, Tree};

/// More objects than this go as one pack.
const MOST_LOOSE: usize = 200;

/// Brings `tip` and all it needs from `from` to `to`. `go_on` is asked now and then.
pub(super) fn copy(
    from: &Repository,
    to: &Repository,
    tip: Oid,
    go_on: &dyn Fn() -> bool,
) -> Result<(), git2::Error> {
    let there = to.odb()?;
    if there.exists(tip) {
        return Ok(());
    }
    let mut missing = Missing { from, there: &there, seen: HashSet::new(), list: Vec::new(), go_on };
    missing.commits(tip)?;
    let list = missing.list;
    if list.len() <= MOST_LOOSE {
        let here = from.odb()?;
        for id in list {
            let object = here.read(id)?;
            there.write(object.kind(), object.data())?;
        }
        return Ok(());
    }
    let mut builder = from.packbuilder()?;
    for id in list {
        builder.insert_object(id, None)?;
    }
    let mut writer = there.packwriter()?;
    let mut failed = None;
    let whole = builder.foreach(|chunk| {
        let written = go_on().then(|| writer.write_all(chunk));
        match written {
            Some(Ok(())) => true,
            Some(Err(e)) => {
                failed = Some(git2::Error::from_str(&e.to_string()));
                false
            }
            None => false,
        }
    });
    if let Some(e) = failed {
        return Err(e);
    }
    whole?;
    writer.commit()?;
    Ok(())
}

struct Missing<'a> {
    from: &'a Repository,
    there: &'a Odb<'a>,
    seen: HashSet<Oid>,
    /// Children first.
    list: Vec<Oid>,
    go_on: &'a dyn Fn() -> bool,
}

impl Missing<'_> {
    fn wanted(&mut self, id: Oid) -> bool {
        !self.seen.contains(&id) && !self.there.exists(id)
    }

    /// Histories are deep: a stack of our own rather than the thread's.
    fn commits(&mut self, tip: Oid) -> Result<(), git2::Error> {
        let mut stack = vec![(tip, false)];
        while let Some((id, parents_done)) = stack.pop() {
            if parents_done {
                let commit = self.from.find_commit(id)?;
                self.tree(&commit.tree()?)?;
                if self.seen.insert(id) {
                    self.list.push(id);
                }
                continue;
            }
            if !self.wanted(id) {
                continue;
            }
            if !(self.go_on)() {
                return Err(git2::Error::from_str("given up"));
            }
            stack.push((id, true));
            stack.extend(self.from.find_commit(id)?.parent_ids().map(|p| (p, false)));
        }
        Ok(())
    }

    fn tree(&mut self, tree: &Tree<'_>) -> Result<(), git2::Error> {
        if !self.wanted(tree.id()) {
            return Ok(());
        }
        for entry in tree {
            match entry.kind() {
                Some(ObjectType::Tree) => self.tree(&self.from.find_tree(entry.id())?)?,
                // A submodule's commit lives elsewhere.
                Some(ObjectType::Blob) if self.wanted(entry.id()) => {
                    self.seen.insert(entry.id());
                    self.list.push(entry.id());
                }
                _ => {}
            }
        }
        self.seen.insert(tree.id());
        self.list.push(tree.id());
        Ok(())
    }
}
