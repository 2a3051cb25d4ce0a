//! The workload under madsim: one node per worker and one for the outside world, with one task each.
//!
//! Two ways, as both are what its users write. Over channels, those of tokio, madsim chooses at random which task runs
//! next, and a worker hears all that waits for it before another one runs: about 20 choices a run, and so fast. Over
//! its network, one datagram per message, it draws a latency for each and two small delays, so that links are not FIFO;
//! this is what it is for. A runtime cannot be reset: each run builds its own, as madsim's users do; in its favour not
//! on a thread of its own, but on the one of the bench.
//!
//! madsim simulates only if the whole build has `--cfg madsim`; so this file is built only then.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use madsim::Config;
use madsim::net::Endpoint;
use madsim::runtime::{NodeHandle, Runtime};
use madsim::time::sleep;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::measure::{Rate, measure};
use crate::peers::frame::{FRAME, decode, encode};
use crate::workload::{Message, Tally, WORKERS, WorkerId, expected, externals, react};

/// One channel per worker.
pub fn channels(budget: Duration) -> Rate {
    sample(budget, |runtime, expected| runtime.block_on(over_channels(runtime, expected)))
}

/// One datagram per message.
pub fn network(budget: Duration) -> Rate {
    sample(budget, |runtime, expected| {
        runtime.block_on(over_network(runtime, expected)).expect("the network fails nobody")
    })
}

fn sample(budget: Duration, run: impl Fn(&Runtime, [Tally; WORKERS]) -> [Tally; WORKERS]) -> Rate {
    let expected = expected();
    measure(budget, 20, |seeds| {
        seeds
            .map(|seed| {
                let tallies = run(&Runtime::with_seed_and_config(seed, Config::default()), expected);
                assert_eq!(tallies, expected, "every schedule handles the same messages");
                tallies.into_iter().sum::<Tally>().deliveries
            })
            .sum()
    })
}

async fn over_channels(runtime: &Runtime, expected: [Tally; WORKERS]) -> [Tally; WORKERS] {
    let (inboxes, receivers): (Vec<_>, Vec<_>) = WorkerId::all().map(|_| unbounded_channel()).unzip();
    let workers: Vec<_> = WorkerId::all()
        .zip(receivers)
        .map(|(me, inbox)| {
            node(runtime, address(me)).spawn(hear(me, inbox, inboxes.clone(), expected[me.index()].deliveries))
        })
        .collect();
    node(runtime, SOURCE).spawn(async move {
        for (target, message) in externals() {
            inboxes[target.index()].send(message).expect("the worker still expects this message");
        }
    });
    let mut handled = [Tally::default(); WORKERS];
    for (tally, worker) in handled.iter_mut().zip(workers) {
        *tally = worker.await.expect("workers do not panic");
    }
    handled
}

/// A worker's whole life: `deliveries` messages.
async fn hear(
    me: WorkerId,
    mut inbox: UnboundedReceiver<Message>,
    peers: Vec<UnboundedSender<Message>>,
    deliveries: u64,
) -> Tally {
    let mut handled = Tally::default();
    for _ in 0..deliveries {
        let message = inbox.recv().await.expect("all messages are sent before the last sender goes");
        handled.count(message);
        for (target, sent) in react(message, me, WORKERS as u16) {
            peers[target.index()].send(sent).expect("the target still expects this message");
        }
    }
    handled
}

async fn over_network(runtime: &Runtime, expected: [Tally; WORKERS]) -> io::Result<[Tally; WORKERS]> {
    let workers: Vec<_> = WorkerId::all()
        .map(|me| node(runtime, address(me)).spawn(listen(me, expected[me.index()].deliveries)))
        .collect();
    let source = node(runtime, SOURCE).spawn(async move {
        let endpoint = Endpoint::bind(SocketAddr::new(SOURCE, PORT)).await?;
        // Until all workers have bound their sockets; it costs one step of simulated time.
        sleep(Duration::from_secs(1)).await;
        for (target, message) in externals() {
            send(&endpoint, target, message).await?;
        }
        io::Result::Ok(())
    });
    source.await??;
    let mut handled = [Tally::default(); WORKERS];
    for (tally, worker) in handled.iter_mut().zip(workers) {
        *tally = worker.await??;
    }
    Ok(handled)
}

/// A worker's whole life: `deliveries` messages.
async fn listen(me: WorkerId, deliveries: u64) -> io::Result<Tally> {
    let endpoint = Endpoint::bind(SocketAddr::new(address(me), PORT)).await?;
    let mut handled = Tally::default();
    let mut frame = [0; FRAME];
    for _ in 0..deliveries {
        endpoint.recv_from(TAG, &mut frame).await?;
        let message = decode(frame);
        handled.count(message);
        for (target, sent) in react(message, me, WORKERS as u16) {
            send(&endpoint, target, sent).await?;
        }
    }
    Ok(handled)
}

async fn send(endpoint: &Endpoint, target: WorkerId, message: Message) -> io::Result<()> {
    endpoint.send_to(SocketAddr::new(address(target), PORT), TAG, &encode(message)).await
}

fn node(runtime: &Runtime, address: IpAddr) -> NodeHandle {
    runtime.create_node().ip(address).build()
}

fn address(worker: WorkerId) -> IpAddr {
    IpAddr::V4(Ipv4Addr::new(10, 0, 0, worker.0 as u8 + 1))
}

const SOURCE: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 1, 1));
const PORT: u16 = 9000;
/// All messages are of one kind.
const TAG: u64 = 0;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workload::DELIVERIES;

    #[test]
    fn both_ways_handle_the_whole_workload() {
        for run in [channels, network] {
            let rate = run(Duration::ZERO);
            assert_eq!(rate.deliveries, rate.runs * DELIVERIES);
        }
    }
}
