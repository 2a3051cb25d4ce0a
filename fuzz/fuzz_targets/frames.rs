//! Frames of any bytes: no panic, no memory for what only was promised, and whatever reads as whole frames is what a writer
//! makes of them.
//!
//! The first byte says whether a good header of a stream stands before the rest, so that the fuzzer gets past it at once.
#![no_main]

use libfuzzer_sys::fuzz_target;
use raddle_runtime::wire::{FrameReader, FrameWriter, Stream};

fuzz_target!(|bytes: &[u8]| {
    let Some((with_head, rest)) = bytes.split_first() else { return };
    let mut again = FrameWriter::new(Vec::new(), Stream::Worker).expect("memory takes all");
    let mut stream = Vec::new();
    if with_head % 2 == 0 {
        stream = FrameWriter::new(Vec::new(), Stream::Worker).expect("memory takes all").into_inner();
    }
    stream.extend_from_slice(rest);
    let Ok(mut reader) = FrameReader::new(stream.as_slice(), Stream::Worker) else { return };
    while let Ok(Some(frame)) = reader.read() {
        again.write(frame.kind, frame.payload).expect("it was short enough");
        // Whatever it holds, reading it as a value is an answer and no panic.
        let _ = frame.value::<Vec<(u32, String, Option<Vec<u64>>)>>();
    }
    let whole = usize::try_from(reader.offset()).expect("it is in memory");
    assert_eq!(again.written(), reader.offset());
    // The header has one byte that is kept free.
    let again = again.into_inner();
    assert_eq!((&again[..11], &again[12..]), (&stream[..11], &stream[12..whole]));
});
