//! Opening the file and bringing it to the version this program knows.

use std::fs::{File, OpenOptions};
use std::io::ErrorKind;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rusqlite::{Connection, OpenFlags, TransactionBehavior};

use super::error::LedgerError;
use super::mask::Mask;
use super::owner::Owner;

/// The file's name in the private folder.
pub const FILE: &str = "ledger.db";

/// Append-only: what was released is never changed, since it has run on other machines.
const MIGRATIONS: &[&str] = &[
    include_str!("migrations/001.sql"),
    include_str!("migrations/002.sql"),
    include_str!("migrations/003.sql"),
];

/// The version this program writes.
#[expect(clippy::cast_possible_wrap, reason = "a handful of migrations")]
pub const VERSION: i64 = MIGRATIONS.len() as i64;

/// How long one writer waits for another before it gives up for now.
const BUSY: Duration = Duration::from_secs(5);
/// Between two tries where SQLite itself does not wait.
const LOOK_AGAIN: Duration = Duration::from_millis(5);

/// An open ledger.
#[derive(Debug)]
pub struct Ledger {
    pub(super) conn: Connection,
    pub(super) path: PathBuf,
    /// The write-ahead log, to bring it to the disk.
    wal: Option<File>,
    /// Whose rows are written.
    pub(super) owner: Owner,
    pub(super) mask: Option<Mask>,
    /// The file that is open: another one may lie in its place later.
    pub(super) inode: Option<u64>,
}

impl Ledger {
    /// Opens the ledger, creates it (0600) if it is missing, and migrates it.
    pub fn open(path: &Path) -> Result<Self, LedgerError> {
        // SQLite would create it readable for everyone; it holds what agents print.
        match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
            Err(source) if source.kind() == ErrorKind::NotFound => {
                return Err(LedgerError::Io { path: path.to_owned(), source });
            }
            // Whatever else is the matter, SQLite says it better.
            _ => {}
        }
        Self::open_existing(path)
    }

    /// Opens a ledger that is there, and migrates it.
    pub fn open_existing(path: &Path) -> Result<Self, LedgerError> {
        if !path.exists() {
            return Err(LedgerError::Missing(path.to_owned()));
        }
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let conn = Connection::open_with_flags(path, flags)?;
        conn.busy_timeout(BUSY)?;
        // A commit survives the death of the program; `sync` makes it survive that of the machine.
        conn.pragma_update(None, "synchronous", "normal")?;
        // KiB: rows are mostly added, seldom looked at again.
        conn.pragma_update(None, "cache_size", -512)?;
        conn.set_prepared_statement_cache_capacity(64);
        let mut ledger = Self {
            conn,
            path: path.to_owned(),
            wal: None,
            owner: Owner::this(),
            mask: None,
            inode: inode(path),
        };
        ledger.migrate_in_turn()?;
        ledger.conn.pragma_update(None, "foreign_keys", true)?;
        Ok(ledger)
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What is covered in everything written from now on.
    #[must_use]
    pub fn with_mask(mut self, mask: Option<Mask>) -> Self {
        self.mask = mask;
        self
    }

    /// Writes rows for another process, as an embedding program may.
    #[must_use]
    pub fn with_owner(mut self, owner: Owner) -> Self {
        self.owner = owner;
        self
    }

    /// Whether another file lies where this one was opened.
    pub(super) fn replaced(&self) -> bool {
        inode(&self.path) != self.inode
    }

    /// Numbers of a new file go on after `seq`: a subscriber of the one it replaces misses nothing.
    pub(super) fn begin_after(&mut self, seq: i64) -> Result<(), LedgerError> {
        let empty: bool = self.conn.query_row(
            "select not exists (select 1 from sqlite_sequence where name = 'run_events')",
            [],
            |row| row.get(0),
        )?;
        if empty {
            self.conn.execute("insert into sqlite_sequence (name, seq) values ('run_events', ?1)", [seq])?;
        }
        Ok(())
    }

    fn version(&self) -> Result<i64, LedgerError> {
        Ok(self.conn.query_row("pragma user_version", [], |row| row.get(0))?)
    }

    /// Of two programs that find a new file at once SQLite tells one right away that it is locked: a change of the
    /// journal mode does not wait as other statements do.
    fn migrate_in_turn(&mut self) -> Result<(), LedgerError> {
        let began = Instant::now();
        loop {
            match self.migrate() {
                Err(error) if error.is_busy() && began.elapsed() < BUSY => {
                    std::thread::sleep(LOOK_AGAIN);
                }
                done => return done,
            }
        }
    }

    fn migrate(&mut self) -> Result<(), LedgerError> {
        let newer = |found| LedgerError::Newer { path: self.path.clone(), found, known: VERSION };
        match self.version()? {
            VERSION => return Ok(()),
            found if found > VERSION => return Err(newer(found)),
            _ => {}
        }
        // The journal mode is a property of the file; it cannot change within a transaction.
        self.conn.query_row("pragma journal_mode = wal", [], |_| Ok(()))?;
        let tx = self.conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
        // Another program may have been faster.
        let found: i64 = tx.query_row("pragma user_version", [], |row| row.get(0))?;
        for (done, sql) in (1i64..).zip(MIGRATIONS) {
            if done > found {
                tx.execute_batch(sql)?;
                tx.pragma_update(None, "user_version", done)?;
            }
        }
        Ok(tx.commit()?)
    }

    /// Brings everything that was written to the disk: what `synchronous = full` does at the end of a transaction, but
    /// when the writer wants it, so that nobody has to wait for it who fears only a kill.
    pub fn sync(&mut self) -> Result<(), LedgerError> {
        let wal = match &mut self.wal {
            Some(wal) => wal,
            none => match File::open(wal_of(&self.path)) {
                Ok(file) => none.insert(file),
                // Without a log every commit is on the disk.
                Err(e) if e.kind() == ErrorKind::NotFound => return Ok(()),
                Err(source) => return Err(LedgerError::Io { path: self.path.clone(), source }),
            },
        };
        wal.sync_data().map_err(|source| LedgerError::Io { path: self.path.clone(), source })
    }
}

/// SQLite puts it beside the file itself, not beside a link to it.
fn wal_of(path: &Path) -> PathBuf {
    let mut name = path.canonicalize().unwrap_or_else(|_| path.to_owned()).into_os_string();
    name.push("-wal");
    PathBuf::from(name)
}

pub(super) fn inode(path: &Path) -> Option<u64> {
    std::fs::metadata(path).ok().map(|m| m.ino())
}
