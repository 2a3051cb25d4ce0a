//! A connection whose other end is expected to say something soon.
//!
//! Whoever reads gives up its turn a few times before it sleeps, as threads do that wait for work ([`Yields`]).

use std::io::{self, Read};
use std::os::fd::AsRawFd as _;
use std::os::unix::net::UnixStream;

use nix::errno::Errno;
use nix::sys::socket::{MsgFlags, recv};

use crate::seat::Yields;

/// The reading end of a connection.
#[derive(Debug)]
pub(crate) struct Eager {
    socket: UnixStream,
    yields: Yields,
}

impl Eager {
    pub(crate) const fn new(socket: UnixStream, yields: u32) -> Self {
        Self { socket, yields: Yields::new(yields) }
    }

    pub(crate) const fn set_yields(&mut self, yields: u32) {
        self.yields = Yields::new(yields);
    }
}

impl Read for Eager {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.yields.renew();
        while self.yields.are_left() {
            match recv(self.socket.as_raw_fd(), buffer, MsgFlags::MSG_DONTWAIT) {
                Err(Errno::EAGAIN) => self.yields.give_way(),
                read => return Ok(read?),
            }
        }
        let read = self.socket.read(buffer);
        self.yields.has_slept();
        read
    }
}
