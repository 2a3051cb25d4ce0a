//! A connection whose other end is expected to say something soon.
//!
//! Being woken costs more than most answers take. So whoever reads gives up its turn a few times before it sleeps, as
//! threads do that wait for work.

use std::io::{self, Read};
use std::os::fd::AsRawFd as _;
use std::os::unix::net::UnixStream;
use std::thread;

use nix::errno::Errno;
use nix::sys::socket::{MsgFlags, recv};

/// The reading end of a connection.
#[derive(Debug)]
pub(crate) struct Eager {
    socket: UnixStream,
    /// How often it gives up its turn before it sleeps.
    yields: u32,
}

impl Eager {
    pub(crate) const fn new(socket: UnixStream, yields: u32) -> Self {
        Self { socket, yields }
    }

    pub(crate) const fn set_yields(&mut self, yields: u32) {
        self.yields = yields;
    }
}

impl Read for Eager {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        for _ in 0..self.yields {
            match recv(self.socket.as_raw_fd(), buffer, MsgFlags::MSG_DONTWAIT) {
                Err(Errno::EAGAIN) => thread::yield_now(),
                read => return Ok(read?),
            }
        }
        self.socket.read(buffer)
    }
}
