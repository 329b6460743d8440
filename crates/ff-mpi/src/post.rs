//! This module moves bytes through MPI, and keeps count of those that are still on their way.
//!
//! A buffered send returns at once. But MPI sends a long message only when the receiver asks for it, and it hears that only
//! within a call of the sender. A sender that computes in the meantime lets the receiver wait: with Open MPI, ranks that
//! exchanged 100 kB and computed for 2 ms took 3 to 4 ms a step. So the receiver of a long message sends a receipt. Until that
//! has come, the sender looks after its message: for some microseconds after each call, and then from a thread of its own.
//!
//! rsmpi ignores what MPI's functions return, and MPI ends the job where one of them fails. So everything that can be wrong is
//! checked before MPI is called.

use std::hint;
use std::sync::{Mutex, TryLockError};
use std::thread;
use std::time::{Duration, Instant};

use mpi::environment::Universe;
use mpi::request::{self, Request};
use mpi::topology::SimpleCommunicator;
use mpi::traits::{Communicator, Destination, Equivalence, Source};
use mpi::{Rank, Tag};

use crate::ending::abort;
use crate::patience::Wait;

/// All messages have this tag. Their order says what they are.
const MESSAGE: Tag = 0;

/// A receipt has this tag. It says how long the message was.
const RECEIPT: Tag = 1;

/// Every MPI library sends messages of so many bytes at once, without being asked.
const SHORT: usize = 2048;

/// The room that MPI may need for a message beside its bytes. Open MPI asks for 128 bytes and MPICH for 96.
const OVERHEAD: usize = 1024;

/// The room for receipts and for short messages that nobody has reserved.
const SPARE: usize = 1 << 20;

/// The thread that looks after messages looks after so long again, at least and at most.
const SHORTEST: Duration = Duration::from_micros(100);
const LONGEST: Duration = Duration::from_millis(10);

/// MPI counts bytes in a C `int`.
const MOST: usize = i32::MAX as usize;

/// The messages of this rank. Who has it may call MPI.
pub(crate) struct Post {
    universe: Universe,
    /// The room for long messages, in bytes.
    room: usize,
    /// The part of the room that is taken by messages without a receipt.
    taken: usize,
    /// The time of the last long message.
    sent: Instant,
}

impl Post {
    pub(crate) fn new(mut universe: Universe) -> Self {
        universe.set_buffer_size(SPARE);
        Self { universe, room: 0, taken: 0, sent: Instant::now() }
    }

    /// Returns the room that is needed, and `None` if MPI cannot have so much.
    pub(crate) fn needed(messages: usize, bytes: usize) -> Option<usize> {
        let needed = messages.checked_mul(OVERHEAD)?.checked_add(bytes)?;
        (needed <= MOST - SPARE).then_some(needed)
    }

    pub(crate) fn room(&self) -> usize {
        self.room
    }

    /// Makes more room for messages. No message may wait for its receipt, because MPI would wait for that too.
    pub(crate) fn enlarge(&mut self, room: usize) {
        self.room = room;
        // Messages leave in another order than they came. With the double room no gap between them is too small.
        self.universe.set_buffer_size((2 * room + SPARE).min(MOST));
    }

    /// Returns whether there is room for a message.
    pub(crate) fn has_room(&self, length: usize) -> bool {
        length <= SHORT || self.taken + OVERHEAD + length <= self.room
    }

    /// Returns whether long messages wait for their receipts.
    pub(crate) fn is_waiting(&self) -> bool {
        self.taken > 0
    }

    /// Sends a message for which there is room.
    pub(crate) fn send(&mut self, to: Rank, bytes: &[u8]) {
        SimpleCommunicator::world().process_at_rank(to).buffered_send_with_tag(bytes, MESSAGE);
        if bytes.len() > SHORT {
            self.taken += OVERHEAD + bytes.len();
            self.sent = Instant::now();
            self.linger(bytes.len());
        }
    }

    /// Returns the length of the next message of a rank, if it is there.
    pub(crate) fn next(&self, from: Rank) -> Option<usize> {
        let status = SimpleCommunicator::world().process_at_rank(from).immediate_probe_with_tag(MESSAGE)?;
        usize::try_from(status.count(u8::equivalent_datatype())).ok()
    }

    /// Receives a message that is there and that is as long as `bytes`. If the rest of it does not come, this ends
    /// the job with the sentence `late`: MPI would go on to write into `bytes`.
    pub(crate) fn receive(
        &mut self,
        from: Rank,
        bytes: &mut [u8],
        wait: &mut Wait,
        late: impl Fn() -> String,
    ) {
        let (world, length) = (SimpleCommunicator::world(), bytes.len());
        let sender = world.process_at_rank(from);
        request::scope(|scope| {
            let mut request = sender.immediate_receive_into_with_tag(scope, bytes, MESSAGE);
            while let Err(unfinished) = request.test() {
                request = unfinished;
                if !wait.pause() {
                    abort(&late());
                }
            }
        });
        if length > SHORT {
            sender.buffered_send_with_tag(&(length as u64).to_le_bytes()[..], RECEIPT);
            self.linger(length);
        }
    }

    /// Exchanges bytes with all other ranks, which do the same now. Nothing is kept in a buffer, because no rank leaves before
    /// all have what they need. `parts` has room for what the other ranks have. If that does not come, this ends the job with the
    /// sentence `late`: MPI would go on to write into the parts. Returns a rank whose bytes are fewer than expected.
    pub(crate) fn all_gather(
        &mut self,
        own: &[u8],
        parts: Vec<(Rank, &mut [u8])>,
        wait: &mut Wait,
        late: impl Fn(Rank) -> String,
    ) -> Option<Rank> {
        let world = SimpleCommunicator::world();
        let mut short = None;
        request::scope(|scope| {
            let (mut receives, mut sends) = (Vec::new(), Vec::new());
            for (rank, part) in parts {
                let (length, peer) = (part.len(), world.process_at_rank(rank));
                let receive = peer.immediate_receive_into_with_tag(scope, part, MESSAGE);
                receives.push((rank, length, Some(receive)));
                sends.push(Some(peer.immediate_send_with_tag(scope, own, MESSAGE)));
            }
            loop {
                let mut waits_for = None;
                for (rank, expected, receive) in &mut receives {
                    match receive.take().map(Request::test) {
                        Some(Ok(status)) => {
                            let length = status.count(u8::equivalent_datatype());
                            short = short.or((usize::try_from(length) != Ok(*expected)).then_some(*rank));
                        }
                        Some(Err(unfinished)) => (*receive, waits_for) = (Some(unfinished), Some(*rank)),
                        None => {}
                    }
                }
                for (send, (rank, ..)) in sends.iter_mut().zip(&receives) {
                    *send = send.take().and_then(|send| send.test().err());
                    waits_for = waits_for.or(send.as_ref().map(|_| *rank));
                }
                match waits_for {
                    None => break,
                    Some(rank) if !wait.pause() => abort(&late(rank)),
                    Some(_) => {}
                }
            }
        });
        short
    }

    /// Takes the receipts that have come. The call also lets MPI go on with whatever is on its way.
    pub(crate) fn look(&mut self) {
        let world = SimpleCommunicator::world();
        while let Some(status) = world.any_process().immediate_probe_with_tag(RECEIPT) {
            let mut length = [0; 8];
            world.process_at_rank(status.source_rank()).receive_into_with_tag(&mut length[..], RECEIPT);
            self.taken -= OVERHEAD + u64::from_le_bytes(length) as usize;
        }
    }

    /// Looks for a while, and returns how long to wait before the next time. Nothing has to be looked after if this is `None`.
    fn pause(&mut self) -> Option<Duration> {
        self.linger(0);
        // The longer the receiver has not asked for a message, the less it matters to answer at once.
        self.is_waiting().then(|| (self.sent.elapsed() / 2).clamp(SHORTEST, LONGEST))
    }

    /// Looks after long messages for about the time that one of `length` bytes takes within a machine.
    fn linger(&mut self, length: usize) {
        let (start, longest) = (Instant::now(), Duration::from_nanos(20_000 + length as u64 / 4));
        while self.is_waiting() && start.elapsed() < longest {
            self.look();
            hint::spin_loop();
        }
    }
}

/// Looks after the long messages of `post` while its rank computes. The thread of this function is woken after each message, and
/// ends when `over` says so.
pub(crate) fn look_after(post: &Mutex<Post>, over: impl Fn() -> bool) {
    while !over() {
        // This lets go of the lock before the thread sleeps.
        match post.try_lock().map(|mut post| post.pause()) {
            Ok(Some(pause)) => thread::park_timeout(pause),
            // The rank itself is within a call, which may take long. It looks after its messages then.
            Err(TryLockError::WouldBlock) => thread::park_timeout(LONGEST),
            _ => thread::park(),
        }
    }
}
