//! A terminal as far as the view uses one: what it wrote becomes rows of signs.

/// Cells, and what was written in all.
#[derive(Debug, Default)]
pub struct Vt {
    rows: Vec<Vec<char>>,
    wide: usize,
    at: (usize, usize),
    /// Bytes that are not understood yet.
    rest: Vec<u8>,
    pub written: Vec<u8>,
    /// Sequences that nobody here knows.
    pub strange: Vec<String>,
}

impl Vt {
    pub fn new(wide: usize, high: usize) -> Self {
        Self { rows: vec![vec![' '; wide]; high], wide, ..Self::default() }
    }

    pub fn resize(&mut self, wide: usize, high: usize) {
        (self.rows, self.wide, self.at) = (vec![vec![' '; wide]; high], wide, (0, 0));
    }

    pub fn text(&self) -> String {
        self.rows.iter().map(|row| row.iter().collect::<String>().trim_end().to_owned() + "\n").collect()
    }

    pub fn write(&mut self, bytes: &[u8]) {
        self.written.extend_from_slice(bytes);
        self.rest.extend_from_slice(bytes);
        while let Some(used) = self.step() {
            self.rest.drain(..used);
        }
    }

    /// One sign or sequence; how long it is, if it is whole.
    fn step(&mut self) -> Option<usize> {
        match *self.rest.first()? {
            0x1b if self.rest.get(1) == Some(&b'[') => {
                let end = 2 + self.rest[2..].iter().position(|b| (0x40..=0x7e).contains(b))?;
                let words = String::from_utf8_lossy(&self.rest[2..end]).into_owned();
                self.control(&words, char::from(self.rest[end]));
                Some(end + 1)
            }
            0x1b => {
                self.rest.get(1)?;
                self.strange.push("escape".into());
                Some(2)
            }
            byte if byte < 0x20 => {
                match byte {
                    b'\r' => self.at.0 = 0,
                    b'\n' => self.at.1 += 1,
                    other => self.strange.push(format!("{other:#x}")),
                }
                Some(1)
            }
            byte => {
                let long = match byte {
                    0xf0.. => 4,
                    0xe0.. => 3,
                    0xc0.. => 2,
                    _ => 1,
                };
                let text = self.rest.get(..long)?;
                let sign = std::str::from_utf8(text).ok().and_then(|t| t.chars().next()).unwrap_or('?');
                if let Some(cell) = self.rows.get_mut(self.at.1).and_then(|row| row.get_mut(self.at.0)) {
                    *cell = sign;
                }
                self.at.0 += 1;
                Some(long)
            }
        }
    }

    fn control(&mut self, words: &str, end: char) {
        match end {
            'H' => {
                let mut numbers = words.split(';').map(|n| n.parse().unwrap_or(1usize).max(1) - 1);
                let row = numbers.next().unwrap_or(0);
                self.at = (numbers.next().unwrap_or(0), row);
            }
            'J' => self.rows.iter_mut().for_each(|row| *row = vec![' '; self.wide]),
            'm' | 'h' | 'l' => {}
            _ => self.strange.push(format!("{words}{end}")),
        }
    }
}
