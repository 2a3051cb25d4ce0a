"""The design that raddle replaces: workers are processes, updates are pickled into queues of `multiprocessing`, and a
process of its own, the coordinator, takes each out of one queue and puts it into another.

    design.py pair TRIPS                          prints how long each trip took, in nanoseconds
    design.py crowd MEMBERS ROUNDS EACH AHEAD     prints how long all took, in nanoseconds

In its favour a worker waits for its queue in the plain way, not through an executor of `asyncio`; nothing is ever
dropped; and what it carries beside its fields is bytes, which cost less to pickle than a dictionary of numbers.
"""

import multiprocessing
import sys
import time
from dataclasses import dataclass

# Started by forking, as the script may have come through a pipe and cannot be read again.
context = multiprocessing.get_context("fork")

PAYLOAD = bytes(range(104))


@dataclass
class CrossWorkerUpdate:
    source_worker_id: int
    target_worker_id: int
    update_type: str
    payload: bytes
    timestamp: float
    causal_clock: dict


class Worker:
    def __init__(self, me, mine, coordinator, results, curtain):
        self.me, self.mine, self.coordinator, self.results = me, mine, coordinator, results
        self.curtain, self.clock = curtain, {}

    def play(self, part, *sizes):
        self.curtain.wait()
        part(self, *sizes)

    def say(self, target):
        self.clock[self.me] = self.clock.get(self.me, 0) + 1
        update = CrossWorkerUpdate(self.me, target, "say", PAYLOAD, time.time(), self.clock.copy())
        self.coordinator.put_nowait(update)

    def hear(self):
        update = self.mine.get()
        for worker, count in update.causal_clock.items():
            if count > self.clock.get(worker, 0):
                self.clock[worker] = count
        return update


def ask(worker, trips):
    times = []
    for _ in range(trips):
        start = time.perf_counter_ns()
        worker.say(1)
        worker.hear()
        times.append(time.perf_counter_ns() - start)
    worker.results.put(times)


def echo(worker, trips):
    for _ in range(trips):
        worker.say(worker.hear().source_worker_id)


def take_part(worker, members, rounds, each, ahead):
    others = [(worker.me + step) % members for step in range(1, members)]
    said = heard = 0
    a_round = each * len(others)
    while heard < rounds * a_round:
        while said < rounds and heard + ahead * a_round >= (said + 1) * a_round:
            for _ in range(each):
                for other in others:
                    worker.say(other)
            said += 1
        worker.hear()
        heard += 1
    worker.results.put(heard)


def coordinate(queue, workers):
    while (update := queue.get()) is not None:
        workers[update.target_worker_id].put_nowait(update)


def play(parts):
    """Plays parts, each a function and what it takes: the results of those that have one, and how long it took from when
    all were there."""
    results, coordinator, curtain = context.Queue(), context.Queue(), context.Barrier(len(parts) + 1)
    queues = [context.Queue() for _ in parts]
    processes = [context.Process(target=coordinate, args=(coordinator, queues))]
    for me, part in enumerate(parts):
        worker = Worker(me, queues[me], coordinator, results, curtain)
        processes.append(context.Process(target=worker.play, args=part))
    for process in processes:
        process.start()
    curtain.wait()
    start = time.perf_counter_ns()
    found = [results.get() for part in parts if part[0] is not echo]
    elapsed = time.perf_counter_ns() - start
    coordinator.put(None)
    for process in processes:
        process.join()
    return found, elapsed


if sys.argv[1] == "pair":
    trips = int(sys.argv[2])
    found, _ = play([(ask, trips), (echo, trips)])
    print(*found[0])
else:
    members, rounds, each, ahead = map(int, sys.argv[2:])
    found, elapsed = play([(take_part, members, rounds, each, ahead)] * members)
    assert found == [rounds * each * (members - 1)] * members
    print(elapsed)
