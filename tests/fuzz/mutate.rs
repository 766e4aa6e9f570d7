//! Small damage, as disks, merges, editors and models do it.

use proptest::prelude::*;
use proptest::sample::Index;

#[derive(Debug, Clone)]
pub enum Edit {
    Flip(Index, u8),
    Cut(Index, usize),
    Truncate(Index),
    Put(Index, Vec<u8>),
    Double(Index, usize),
    Swap(Index, Index),
}

/// One edit; `words` are what the grammar is made of.
pub fn edit(words: &'static [&'static str]) -> impl Strategy<Value = Edit> {
    let put = prop_oneof![
        4 => proptest::sample::select(words).prop_map(|word| word.as_bytes().to_vec()),
        1 => proptest::collection::vec(any::<u8>(), 1..4),
    ];
    prop_oneof![
        3 => (any::<Index>(), 1..=255u8).prop_map(|(at, mask)| Edit::Flip(at, mask)),
        2 => (any::<Index>(), 1..40usize).prop_map(|(at, len)| Edit::Cut(at, len)),
        1 => any::<Index>().prop_map(Edit::Truncate),
        4 => (any::<Index>(), put).prop_map(|(at, bytes)| Edit::Put(at, bytes)),
        2 => (any::<Index>(), 1..60usize).prop_map(|(at, len)| Edit::Double(at, len)),
        1 => (any::<Index>(), any::<Index>()).prop_map(|(a, b)| Edit::Swap(a, b)),
    ]
}

pub fn mutated(seed: &[u8], edits: &[Edit]) -> Vec<u8> {
    let mut bytes = seed.to_vec();
    for edit in edits {
        if bytes.is_empty() {
            return bytes;
        }
        let len = bytes.len();
        match edit {
            Edit::Flip(at, mask) => bytes[at.index(len)] ^= mask,
            Edit::Cut(at, count) => {
                let at = at.index(len);
                bytes.drain(at..(at + count).min(len));
            }
            Edit::Truncate(at) => bytes.truncate(at.index(len)),
            Edit::Put(at, put) => {
                let at = at.index(len);
                bytes.splice(at..at, put.iter().copied());
            }
            Edit::Double(at, count) => {
                let at = at.index(len);
                let piece = bytes[at..(at + count).min(len)].to_vec();
                bytes.splice(at..at, piece);
            }
            Edit::Swap(a, b) => bytes.swap(a.index(len), b.index(len)),
        }
    }
    bytes
}
