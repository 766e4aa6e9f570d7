use std::sync::Arc;

use orchestrator::agents::output::Protocol;
use orchestrator::supervise::{Activity, ActivityTag, Kind, Pipeline, Redactor, Stamp, Stream};

/// Every byte comes out again, in order; and where the reads were cut changes nothing.
pub fn framing(data: &[u8]) {
    let cuts: Vec<usize> = data.iter().take(16).map(|b| usize::from(*b) % 61 + 1).collect();
    let plain = facts(None, data, &cuts);
    let bytes: Vec<u8> = plain.iter().flat_map(output).copied().collect();
    assert_eq!(bytes, data, "a byte was lost or changed");
    for protocol in Protocol::ALL {
        let whole = facts(Some(protocol), data, &[]);
        assert_eq!(
            facts(Some(protocol), data, &cuts),
            whole,
            "{protocol:?}: the cuts of reads changed a fact"
        );
    }
}

fn output(kind: &Kind) -> &[u8] {
    if let Kind::Output { bytes } = kind { bytes } else { &[] }
}

/// What a stream becomes when its reads are cut like this; neighbouring output is one.
fn facts(protocol: Option<Protocol>, data: &[u8], cuts: &[usize]) -> Vec<Kind> {
    let mut all: Vec<Kind> = Vec::new();
    let mut sink = |activity: &Activity| match (all.last_mut(), &activity.kind) {
        (Some(Kind::Output { bytes }), Kind::Output { bytes: more }) => bytes.extend_from_slice(more),
        (_, kind) => all.push(kind.clone()),
    };
    let parser = protocol.map(Protocol::parser);
    let (mut pipeline, complaints) =
        Pipeline::new(Arc::new(Redactor::none()), None, None, &ActivityTag::default(), parser);
    assert!(complaints.is_empty());
    let mut rest = data;
    let mut cuts = cuts.iter().cycle();
    while !rest.is_empty() {
        let (head, tail) = rest.split_at(cuts.next().map_or(rest.len(), |cut| (*cut).min(rest.len())));
        pipeline.read(Stream::Stdout, head, Stamp::default(), &mut sink);
        rest = tail;
    }
    pipeline.end(Stream::Stdout, Stamp::default(), &mut sink);
    pipeline.end(Stream::Stderr, Stamp::default(), &mut sink);
    pipeline.finish_parser(Stamp::default(), &mut sink);
    assert_eq!(pipeline.bytes(Stream::Stdout), data.len() as u64);
    all
}
