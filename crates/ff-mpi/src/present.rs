//! This module is a rank that talks to others through MPI.

use std::env;
use std::panic;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use ff_net::Peers;
use ff_tensor::{Result, expect_lengths};
use mpi::topology::Communicator;
use mpi::{Rank, Threading, environment};

use crate::ending::{abort, complete, end};
use crate::error::Error;
use crate::launched::Launched;
use crate::patience::Patience;
use crate::post::{Post, look_after};

/// A rank that talks to others through MPI.
///
/// Drop it on the thread that has called [`start`](crate::start). This waits until the other ranks have received everything, and
/// drop theirs. So a rank that cannot go on does not drop it, but calls [`abort`](crate::abort()).
pub struct Mpi {
    rank: usize,
    size: usize,
    patience: Patience,
    /// MPI takes calls of one thread at a time. Each one holds this lock.
    post: Arc<Mutex<Post>>,
    over: Arc<AtomicBool>,
    /// This thread looks after messages. Only dropping takes it away.
    helper: Option<JoinHandle<()>>,
}

/// Starts MPI, and checks that its world is the launcher's.
pub(crate) fn start(launched: Launched) -> std::result::Result<Mpi, Error> {
    let patience = Patience::of(env::var("FF_MPI_PATIENCE").ok().as_deref())?;
    let (universe, threading) =
        environment::initialize_with_threading(Threading::Serialized).ok_or(Error::Twice)?;
    if threading < Threading::Serialized {
        return Err(Error::Threads { library: library() });
    }
    let (rank, size) = (universe.world().rank() as usize, universe.world().size() as usize);
    if size != launched.size {
        return Err(Error::OtherWorld { launched: launched.size, world: size, library: library() });
    }
    // Unwinding would finish MPI, which waits for the other ranks, and they wait for this one.
    let print = panic::take_hook();
    panic::set_hook(Box::new(move |panicked| {
        print(panicked);
        eprintln!("{}", complete("this rank has panicked"));
        end(101);
    }));
    let post = Arc::new(Mutex::new(Post::new(universe)));
    let over = Arc::new(AtomicBool::new(false));
    let (its, ends) = (post.clone(), over.clone());
    let helper = thread::spawn(move || look_after(&its, || ends.load(Ordering::Relaxed)));
    Ok(Mpi { rank, size, patience, post, over, helper: Some(helper) })
}

/// Returns the name and version of the MPI library.
fn library() -> String {
    let long = environment::library_version().unwrap_or_default();
    let short = long.split([',', '\n']).next().unwrap_or_default();
    short.split_whitespace().collect::<Vec<_>>().join(" ")
}

impl Mpi {
    /// Returns how long this rank waits for another one. `None` is for ever.
    pub fn patience(&self) -> Option<Duration> {
        self.patience.0
    }

    fn post(&self) -> MutexGuard<'_, Post> {
        self.post.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the number by which MPI knows a rank.
    fn known(&self, rank: usize) -> Result<Rank> {
        match rank < self.size {
            true => Ok(rank as Rank),
            false => Err(failed(format!("there is no rank {rank} among {}", self.size))),
        }
    }

    /// Says that this rank has lost patience.
    fn has_waited_for(&self, whom: &str) -> String {
        let (rank, seconds) = (self.rank, self.patience.0.unwrap_or_default().as_secs());
        format!(
            "rank {rank} has waited {seconds} s for {whom}: its process, its machine or the link is gone \
             (FF_MPI_PATIENCE=0 waits for ever)"
        )
    }

    /// Waits until the other ranks have received all long messages. The error is a sentence.
    fn wait_for_receipts(&self, post: &mut Post) -> std::result::Result<(), String> {
        let mut wait = self.patience.wait();
        while post.is_waiting() {
            post.look();
            if !wait.pause() {
                return Err(self.has_waited_for("another rank to receive its messages"));
            }
        }
        Ok(())
    }

    /// Wakes the thread that looks after messages, if there are any.
    fn wake(&self, post: &Post) {
        if let Some(helper) = self.helper.as_ref().filter(|_| post.is_waiting()) {
            helper.thread().unpark();
        }
    }
}

/// Returns the error of a call that failed.
fn failed(reason: String) -> ff_tensor::Error {
    ff_tensor::Error::Parameter { op: "peers", reason }
}

impl Peers for Mpi {
    fn rank(&self) -> usize {
        self.rank
    }

    fn size(&self) -> usize {
        self.size
    }

    /// A call that asks for more than an earlier one waits until everything sent so far has been received.
    fn reserve(&self, messages: usize, bytes: usize) -> Result<()> {
        let room = Post::needed(messages, bytes).ok_or_else(|| {
            failed(format!("{messages} messages with {bytes} bytes in all do not fit into MPI's 2 GB"))
        })?;
        let mut post = self.post();
        if room > post.room() {
            self.wait_for_receipts(&mut post).map_err(failed)?;
            post.enlarge(room);
        }
        Ok(())
    }

    fn send(&self, to: usize, bytes: &[u8]) -> Result<()> {
        let (known, mut post) = (self.known(to)?, self.post());
        // Receipts that have come make room.
        post.look();
        if !post.has_room(bytes.len()) {
            let reason = format!(
                "rank {} has not reserved room for {} more bytes to rank {to}",
                self.rank,
                bytes.len()
            );
            return Err(failed(reason));
        }
        post.send(known, bytes);
        self.wake(&post);
        Ok(())
    }

    fn receive(&self, from: usize, bytes: &mut [u8]) -> Result<()> {
        let (known, mut post, mut wait) = (self.known(from)?, self.post(), self.patience.wait());
        let length = loop {
            match post.next(known) {
                Some(length) => break length,
                None if wait.pause() => {}
                None => return Err(failed(self.has_waited_for(&format!("rank {from}")))),
            }
        };
        // MPI would end the job if the message were longer, and would say nothing if it were shorter.
        if length != bytes.len() {
            let (rank, wanted) = (self.rank, bytes.len());
            return Err(failed(format!("rank {from} sent {length} bytes, but rank {rank} expects {wanted}")));
        }
        let late = || complete(&self.has_waited_for(&format!("the rest of a message of rank {from}")));
        post.receive(known, bytes, &mut wait, late);
        self.wake(&post);
        Ok(())
    }

    fn all_gather(&self, own: &[u8], all: &mut [u8], lengths: &[usize]) -> Result<()> {
        expect_lengths([self.rank, self.size], own.len(), all.len(), lengths)?;
        if lengths.iter().any(|length| i32::try_from(*length).is_err()) {
            return Err(failed("a rank has more bytes than MPI can count".into()));
        }
        let (mut parts, mut rest) = (Vec::with_capacity(self.size), all);
        for (rank, length) in lengths.iter().enumerate() {
            let (part, after) = rest.split_at_mut(*length);
            rest = after;
            if rank == self.rank {
                part.copy_from_slice(own);
            } else {
                parts.push((self.known(rank)?, part));
            }
        }
        let late = |from| complete(&self.has_waited_for(&format!("rank {from}")));
        match self.post().all_gather(own, parts, &mut self.patience.wait(), late) {
            None => Ok(()),
            Some(from) => {
                let rank = self.rank;
                Err(failed(format!("rank {from} sent fewer bytes than rank {rank} expects")))
            }
        }
    }
}

impl Drop for Mpi {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        if let Some(helper) = self.helper.take() {
            helper.thread().unpark();
            // If it has panicked, the job has ended.
            let _ = helper.join();
        }
        // A rank that has not received everything is gone, or has ended on its own: finishing MPI would wait for ever.
        if let Err(late) = self.wait_for_receipts(&mut self.post()) {
            abort(&complete(&late));
        }
    }
}
