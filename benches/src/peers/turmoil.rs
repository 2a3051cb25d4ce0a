//! The workload under turmoil: one host per worker and one for the outside world, one UDP datagram
//! per message.
//!
//! turmoil draws a latency per datagram and lets simulated time pass in ticks, so schedules come
//! from latencies, and links are not FIFO. TCP would keep the order, at the price of twelve
//! connections a run; UDP is the choice in turmoil's favour. Workers are clients that end by
//! themselves after the number of messages that they expect, so that a run ends with the last
//! delivery. A simulation cannot be reset: each run builds its own, as turmoil's users do.

use std::cell::Cell;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;

use turmoil::Builder;
use turmoil::net::UdpSocket;

use crate::measure::{Rate, measure};
use crate::peers::frame::{FRAME, decode, encode};
use crate::workload::{Tally, WORKERS, WorkerId, expected, externals, react};

/// turmoil as it comes: ticks of 1 ms, latencies up to 100 ms.
pub fn default_ticks(budget: Duration) -> Rate {
    sample(budget, &mut Builder::new())
}

/// Ticks of 10 ms: a tenth of the work that is not per message, at the price of coarser time.
pub fn ticks_10ms(budget: Duration) -> Rate {
    sample(budget, Builder::new().tick_duration(Duration::from_millis(10)))
}

fn sample(budget: Duration, builder: &mut Builder) -> Rate {
    // More than all messages of a run: a full socket would drop datagrams.
    builder.udp_capacity(1024);
    let expected = expected();
    measure(budget, 10, |seeds| {
        seeds
            .map(|seed| {
                let tally = run(builder.rng_seed(seed), &expected).expect("no client fails and time suffices");
                assert_eq!(tally, expected.into_iter().sum(), "every schedule handles the same messages");
                tally.deliveries
            })
            .sum()
    })
}

fn run(builder: &Builder, expected: &[Tally; WORKERS]) -> turmoil::Result<Tally> {
    let mut sim = builder.build();
    let addresses: [SocketAddr; WORKERS] = NAMES.map(|name| SocketAddr::new(sim.lookup(name), PORT));
    let total = Rc::new(Cell::new(Tally::default()));
    for me in WorkerId::all() {
        let (deliveries, total) = (expected[me.index()].deliveries, Rc::clone(&total));
        sim.client(addresses[me.index()].ip(), async move {
            let handled = work(me, &addresses, deliveries).await?;
            total.set(total.get() + handled);
            Ok(())
        });
    }
    // Last, so that all workers have bound their sockets before anything is sent.
    sim.client("source", async move {
        let socket = bind().await?;
        for (target, message) in externals() {
            socket.send_to(&encode(message), addresses[target.index()]).await?;
        }
        Ok(())
    });
    sim.run()?;
    Ok(total.get())
}

/// A worker's whole life: `deliveries` messages.
async fn work(me: WorkerId, addresses: &[SocketAddr; WORKERS], deliveries: u64) -> io::Result<Tally> {
    let socket = bind().await?;
    let mut handled = Tally::default();
    let mut frame = [0; FRAME];
    for _ in 0..deliveries {
        socket.recv_from(&mut frame).await?;
        let message = decode(frame);
        handled.count(message);
        for (target, sent) in react(message, me, WORKERS as u16) {
            socket.send_to(&encode(sent), addresses[target.index()]).await?;
        }
    }
    Ok(handled)
}

async fn bind() -> io::Result<UdpSocket> {
    UdpSocket::bind((Ipv4Addr::UNSPECIFIED, PORT)).await
}

const NAMES: [&str; WORKERS] = ["worker-0", "worker-1", "worker-2", "worker-3"];

const PORT: u16 = 9000;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workload::DELIVERIES;

    #[test]
    fn both_tick_lengths_handle_the_whole_workload() {
        for run in [default_ticks, ticks_10ms] {
            let rate = run(Duration::ZERO);
            assert_eq!(rate.deliveries, rate.runs * DELIVERIES);
        }
    }
}
