//! How ranks agree on a way of their devices' own. A library such as NCCL lets devices exchange bytes, but first its users have
//! to tell each other the name of their meeting, and to be sure that all of them will come: a library waits for ever for one that
//! does not.

use std::result;

use ff_tensor::Result;

use crate::Peers;

/// What tells a device from all others.
pub type Own = [u8; 16];

/// The name of a meeting. Whoever has it can join.
pub type Id = [u8; 128];

/// What a rank tells rank 0: 1 and its device, or 0 and a text that says why it cannot come. The text ends with a zero.
const HELLO: usize = 256;

/// What rank 0 tells the others: 1 and the name, or 0 and zeros.
const ANSWER: usize = 129;

/// Asks all ranks whether their devices can meet. `own` is this rank's device, or says why it cannot come. All ranks call this at
/// the same time. If all can come, rank 0 calls `id` to make a name, and every rank returns it. Otherwise every rank returns an
/// error, and that of rank 0 says why.
///
/// Each rank needs a device of its own.
///
/// # Errors
/// Fails if a rank is gone.
pub fn agree(
    peers: &dyn Peers,
    own: result::Result<Own, String>,
    id: impl FnOnce() -> Result<Id>,
) -> Result<result::Result<Id, String>> {
    peers.reserve(peers.size(), peers.size() * HELLO)?;
    if peers.rank() > 0 {
        peers.send(0, &hello(&own))?;
        let mut answer = [0; ANSWER];
        peers.receive(0, &mut answer)?;
        let [is_there, id @ ..] = answer;
        return Ok(if is_there == 1 { Ok(id) } else { Err("rank 0 knows why not".into()) });
    }
    let mut all = vec![own];
    for from in 1..peers.size() {
        let mut bytes = [0; HELLO];
        peers.receive(from, &mut bytes)?;
        all.push(read(&bytes));
    }
    let id = all_can_come(&all).and_then(|()| id().map_err(|e| e.to_string()));
    let mut answer = [0; ANSWER];
    if let Ok(id) = &id {
        answer[0] = 1;
        answer[1..].copy_from_slice(id);
    }
    (1..peers.size()).try_for_each(|to| peers.send(to, &answer))?;
    Ok(id)
}

/// Writes what a rank tells rank 0.
fn hello(own: &result::Result<Own, String>) -> [u8; HELLO] {
    let mut bytes = [0; HELLO];
    match own {
        Ok(own) => {
            bytes[0] = 1;
            bytes[1..][..own.len()].copy_from_slice(own);
        }
        Err(reason) => bytes[1..].iter_mut().zip(reason.bytes()).for_each(|(to, byte)| *to = byte),
    }
    bytes
}

/// Reads what a rank has told.
fn read(bytes: &[u8; HELLO]) -> result::Result<Own, String> {
    let [can_come, rest @ ..] = bytes;
    match rest.first_chunk().filter(|_| *can_come == 1) {
        Some(own) => Ok(*own),
        None => {
            let text = rest.split(|byte| *byte == 0).next().unwrap_or_default();
            Err(String::from_utf8_lossy(text).into_owned())
        }
    }
}

/// Checks that each rank has a device of its own.
fn all_can_come(all: &[result::Result<Own, String>]) -> result::Result<(), String> {
    for (rank, own) in all.iter().enumerate() {
        let own = own.as_ref().map_err(|reason| format!("on rank {rank}, {reason}"))?;
        if let Some(other) = all[..rank].iter().position(|other| other.as_ref() == Ok(own)) {
            return Err(format!("ranks {other} and {rank} have the same GPU"));
        }
    }
    Ok(())
}
