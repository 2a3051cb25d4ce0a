//! A message of the workload as the bytes of a datagram: eight of payload, one of depth.

use crate::workload::Message;

/// How long a frame is.
pub(super) const FRAME: usize = 9;

pub(super) fn encode(message: Message) -> [u8; FRAME] {
    let mut frame = [message.depth; FRAME];
    frame[..8].copy_from_slice(&message.payload.to_le_bytes());
    frame
}

pub(super) fn decode(frame: [u8; FRAME]) -> Message {
    let [payload @ .., depth] = frame;
    Message { payload: u64::from_le_bytes(payload), depth }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_round_trip() {
        let message = Message { payload: 0x0123_4567_89ab_cdef, depth: 3 };
        assert_eq!(decode(encode(message)), message);
    }
}
