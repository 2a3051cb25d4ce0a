//! Recordings of any bytes: no panic, no memory for what only was promised, and what is read is what stands in whole frames.
//!
//! The first byte says how much of a good recording stands before the rest, and whether the rest is put into frames with
//! sound checksums first, so that the fuzzer gets past them at once: each with its kind, its length and so many bytes.
#![no_main]

use libfuzzer_sys::fuzz_target;
use raddle_core::recording::{Head, Reader, Recording};
use raddle_runtime::read_stream;
use raddle_runtime::wire::{FrameReader, FrameWriter, Stream};

/// The kinds of frames, fixed for ever.
const HEAD: u8 = 1;
const LANE: u8 = 2;

fuzz_target!(|bytes: &[u8]| {
    let Some((how, rest)) = bytes.split_first() else { return };
    let mut writer = FrameWriter::new(Vec::new(), Stream::Recording).expect("memory takes all");
    if how % 4 >= 2 {
        let workers = vec!["ann".to_owned(), "bob".to_owned()];
        writer.write_value(HEAD, &Head { workers, ..Head::default() }).expect("it is short");
    }
    let mut rest = rest;
    if how % 4 != 0 && how / 4 % 2 == 1 {
        while let [kind, len, more @ ..] = rest {
            let payload = more.split_at(more.len().min(usize::from(*len)));
            writer.write(*kind, payload.0).expect("it is short");
            rest = payload.1;
        }
    }
    let start = if how % 4 == 0 { Vec::new() } else { writer.into_inner() };
    let stream = [&start, rest].concat();
    let Ok(recording) = read_stream(stream.as_slice()) else { return };
    assert!(recording.cut.is_some() != recording.tail.is_some(), "it is whole, or it is said why not");
    assert_eq!(recording.lanes.iter().map(Vec::len).sum::<usize>(), lengths(&stream, &recording), "no more, no less");
    for lane in &recording.lanes {
        let mut reader = Reader::new(lane);
        while let Ok(Some(_)) = reader.next() {}
    }
});

/// How many bytes the whole frames of acts hold, up to where reading ends.
fn lengths(stream: &[u8], recording: &Recording) -> usize {
    let lanes_max = 2 * recording.head.workers.len() + (1 << 16);
    let mut reader = FrameReader::new(stream, Stream::Recording).expect("it was one");
    let (mut bytes, mut is_first) = (0, true);
    while let Ok(Some(frame)) = reader.read() {
        let number = frame.payload.iter().take(4).position(|byte| *byte < 0x80);
        let lane = number.map(|at| {
            frame.payload[..=at].iter().rev().fold(0, |lane, byte| lane << 7 | usize::from(byte & 0x7f))
        });
        match (std::mem::take(&mut is_first), frame.kind, number.zip(lane)) {
            (true, ..) => {}
            (_, LANE, Some((at, lane))) if lane < lanes_max => bytes += frame.payload.len() - at - 1,
            _ => break,
        }
    }
    bytes
}
