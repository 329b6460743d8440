//! A stand-in for NCCL between threads of this process. It is stricter than NCCL: a send returns only when the other rank has
//! received, so no order of exchanges that it lets pass needs room on the way.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ff_cuda::seam::{DriverError, Id, Link, Move};

/// All meetings of this process, by their names.
static MEETINGS: Mutex<BTreeMap<Id, Arc<Meeting>>> = Mutex::new(BTreeMap::new());

/// Makes the name of a new meeting.
pub fn new_id() -> Id {
    let mut meetings = MEETINGS.lock().unwrap_or_else(PoisonError::into_inner);
    let mut id = [7; 128];
    id[..8].copy_from_slice(&(meetings.len() as u64).to_le_bytes());
    meetings.insert(id, Arc::default());
    id
}

/// What the ranks of a communicator have in common.
#[derive(Default)]
struct Meeting {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    joined: usize,
    given_up: bool,
    /// What has been sent and not yet received, by sender and receiver.
    mail: BTreeMap<[usize; 2], VecDeque<Vec<u8>>>,
}

impl Meeting {
    /// Waits until `ready` returns something, or until a rank gives up.
    fn wait<T>(&self, mut ready: impl FnMut(&mut State) -> Option<T>) -> Result<T, DriverError> {
        let mut state = self.lock();
        loop {
            if state.given_up {
                return Err(DriverError::Other("a rank has given up".into()));
            }
            if let Some(ready) = ready(&mut state) {
                return Ok(ready);
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A rank's end.
pub struct Threads {
    rank: usize,
    meeting: Arc<Meeting>,
    /// Panics if there are not so many bytes at an address.
    check: Box<dyn Fn(u64, usize) + Send + Sync>,
}

impl Threads {
    /// Joins the other ranks, and waits for them.
    pub fn join(
        rank: usize,
        ranks: usize,
        id: &Id,
        check: Box<dyn Fn(u64, usize) + Send + Sync>,
    ) -> Result<Self, DriverError> {
        let meeting = MEETINGS.lock().unwrap_or_else(PoisonError::into_inner).get(id).cloned();
        let meeting = meeting.ok_or_else(|| DriverError::Other("no such meeting".into()))?;
        meeting.lock().joined += 1;
        meeting.changed.notify_all();
        meeting.wait(|state| (state.joined == ranks).then_some(()))?;
        Ok(Self { rank, meeting, check })
    }
}

impl Link for Threads {
    unsafe fn exchange(&self, moves: &[Move]) -> Result<(), DriverError> {
        let mut sent_to = Vec::new();
        for part in moves {
            match *part {
                Move::Send { to, at, bytes } => {
                    (self.check)(at, bytes);
                    // SAFETY: checked.
                    let bytes = unsafe { std::slice::from_raw_parts(at as *const u8, bytes) };
                    let key = [self.rank, to];
                    self.meeting.lock().mail.entry(key).or_default().push_back(bytes.to_vec());
                    self.meeting.changed.notify_all();
                    sent_to.push(key);
                }
                Move::Copy { to, at, bytes } => {
                    (self.check)(at, bytes);
                    (self.check)(to, bytes);
                    // SAFETY: checked.
                    unsafe { (to as *mut u8).copy_from(at as *const u8, bytes) };
                }
                Move::Receive { .. } => {}
            }
        }
        for part in moves {
            let Move::Receive { from, at, bytes } = *part else { continue };
            (self.check)(at, bytes);
            let key = [from, self.rank];
            let message = self.meeting.wait(|state| state.mail.get_mut(&key)?.pop_front())?;
            self.meeting.changed.notify_all();
            if message.len() != bytes {
                let got = message.len();
                return Err(DriverError::Other(format!("rank {from} sent {got} bytes, not {bytes}")));
            }
            // SAFETY: checked.
            unsafe { (at as *mut u8).copy_from(message.as_ptr(), bytes) };
        }
        // The other ranks are at this exchange too, or it would not end.
        self.meeting.wait(|state| {
            let is_empty = |key: &[usize; 2]| state.mail.get(key).is_none_or(VecDeque::is_empty);
            sent_to.iter().all(is_empty).then_some(())
        })
    }

    fn wait(&self, _: Option<Duration>) -> Result<(), DriverError> {
        Ok(())
    }

    /// Here the other ranks hear of it. With NCCL the job ends.
    fn give_up(&self) {
        self.meeting.lock().given_up = true;
        self.meeting.changed.notify_all();
    }
}
