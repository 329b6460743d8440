//! This program checks MPI with real ranks. `tests/mpi/run.sh` starts it with `mpirun`.
//!
//! Every rank sends messages of several sizes to every rank, several ahead, and checks what it receives. Rank 0 then prints one
//! line with the time that a message takes to rank 1 and back. With an argument, rank 1 misbehaves instead, and the job has to
//! end: `panic`, `error`, `exit` (without a word), `freeze`, `wrong-length`, `deaf` (it does not receive what it was sent).

use std::error::Error;
use std::process::{self, Command};
use std::time::{Duration, Instant};
use std::{env, thread};

use ff_mpi::{Mpi, Peers};

/// The lengths of the messages. Up to some kB MPI sends a message at once, else only when the other rank asks for it.
const LENGTHS: [usize; 5] = [0, 1, 3_000, 100_000, 1_600_000];

/// How many messages of each length a rank sends before it receives any.
const AHEAD: usize = 3;

/// How often a message goes there and back.
const ROUNDS: usize = 2_000;

fn main() {
    let mpi = match ff_mpi::start() {
        Ok(Some(mpi)) => mpi,
        Ok(None) => return println!("ring: this process is alone, and MPI was not started"),
        Err(error) => ff_mpi::abort(&error.to_string()),
    };
    let misbehaviour = env::args().nth(1);
    // A training calls MPI from another thread than the first one too.
    thread::scope(|threads| {
        threads.spawn(|| {
            if let Err(error) = run(&mpi, misbehaviour.as_deref()) {
                ff_mpi::abort(&format!("ring: {error}"));
            }
        });
    });
}

fn run(mpi: &Mpi, misbehaviour: Option<&str>) -> Result<(), Box<dyn Error>> {
    // A second call has to enlarge the room of the first.
    mpi.reserve(1, 1)?;
    mpi.reserve(AHEAD * LENGTHS.len() * mpi.size(), AHEAD * LENGTHS.iter().sum::<usize>() * mpi.size())?;
    if let Some(how) = misbehaviour {
        return misbehave(mpi, how);
    }
    all_to_all(mpi)?;
    mistakes(mpi)?;
    while_the_sender_computes(mpi)?;
    let times: Vec<String> =
        LENGTHS.iter().map(|&bytes| there_and_back(mpi, bytes)).collect::<Result<_, _>>()?;
    if mpi.rank() == 0 {
        println!("ring: {} ranks agree; there and back: {}", mpi.size(), times.join(", "));
    }
    Ok(())
}

/// Returns the bytes of one message. They depend on everything that could be mixed up.
fn message(from: usize, to: usize, number: usize, length: usize) -> Vec<u8> {
    (0..length).map(|i| (i * 7 + (i >> 8) + from * 31 + to * 57 + number * 101) as u8).collect()
}

fn all_to_all(mpi: &Mpi) -> Result<(), Box<dyn Error>> {
    let (me, numbers) = (mpi.rank(), 0..AHEAD);
    for number in numbers.clone() {
        for (to, length) in pairs(mpi) {
            mpi.send(to, &message(me, to, number, length))?;
        }
    }
    for number in numbers {
        for (from, length) in pairs(mpi) {
            let mut bytes = vec![0; length];
            mpi.receive(from, &mut bytes)?;
            if bytes != message(from, me, number, length) {
                return Err(format!("rank {me} has received other bytes than rank {from} has sent").into());
            }
        }
    }
    Ok(())
}

/// Returns every rank with every length.
fn pairs(mpi: &Mpi) -> impl Iterator<Item = (usize, usize)> {
    (0..mpi.size()).flat_map(|rank| LENGTHS.map(|length| (rank, length)))
}

/// Checks that a call which is wrong says so, and changes nothing.
fn mistakes(mpi: &Mpi) -> Result<(), Box<dyn Error>> {
    let (me, size) = (mpi.rank(), mpi.size());
    let neighbour = (me + 1) % size;
    let before = (me + size - 1) % size;
    mpi.send(neighbour, &[1, 2, 3, 4, 5])?;
    let bytes = &mut [0; 7];
    let expect = |result: ff_tensor::Result<()>, reason: String| match result {
        Err(error) if error.to_string() == format!("peers: {reason}") => Ok(()),
        other => Err(format!("rank {me} got {other:?}, but `{reason}` was expected")),
    };
    for wanted in [0, 4, 7] {
        let reason = format!("rank {before} sent 5 bytes, but rank {me} expects {wanted}");
        expect(mpi.receive(before, &mut bytes[..wanted]), reason)?;
    }
    mpi.receive(before, &mut bytes[..5])?;
    assert_eq!(bytes[..5], [1, 2, 3, 4, 5]);
    expect(mpi.send(size, &[]), format!("there is no rank {size} among {size}"))?;
    expect(mpi.receive(size, &mut []), format!("there is no rank {size} among {size}"))?;
    let huge = mpi.reserve(1, 3_000_000_000);
    expect(huge, "1 messages with 3000000000 bytes in all do not fit into MPI's 2 GB".into())?;
    let long = vec![0; 200_000_000];
    match mpi.send(neighbour, &long) {
        Err(error) if error.to_string().contains("200000000 more bytes") => Ok(()),
        other => Err(format!("rank {me} has sent more than it has reserved: {other:?}").into()),
    }
}

/// Checks that a long message arrives although the rank that has sent it does not call MPI for a while.
fn while_the_sender_computes(mpi: &Mpi) -> Result<(), Box<dyn Error>> {
    let computes = Duration::from_millis(600);
    let mut bytes = vec![0; 1_600_000];
    match mpi.rank() {
        0 => {
            mpi.send(1, &bytes)?;
            thread::sleep(computes);
        }
        1 => {
            // The message of rank 0 has been waiting for some time when this rank asks for it.
            thread::sleep(computes / 10);
            let start = Instant::now();
            mpi.receive(0, &mut bytes)?;
            let time = start.elapsed();
            if time > computes / 2 {
                return Err(format!("rank 1 has waited for {time:?} until rank 0 called MPI again").into());
            }
        }
        _ => {}
    }
    Ok(())
}

/// Measures how long messages take from rank 0 to rank 1 and back. Half of the messages are faster than that.
fn there_and_back(mpi: &Mpi, length: usize) -> Result<String, Box<dyn Error>> {
    let mut bytes = vec![0; length];
    let mut times = Vec::new();
    for _ in 0..ROUNDS {
        let start = Instant::now();
        match mpi.rank() {
            0 => {
                mpi.send(1, &bytes)?;
                mpi.receive(1, &mut bytes)?;
            }
            1 => {
                mpi.receive(0, &mut bytes)?;
                mpi.send(0, &bytes)?;
            }
            _ => {}
        }
        times.push(start.elapsed());
    }
    times.sort_unstable();
    Ok(format!("{length} bytes in {:.4} ms", times[ROUNDS / 2].as_secs_f64() * 1e3))
}

fn misbehave(mpi: &Mpi, how: &str) -> Result<(), Box<dyn Error>> {
    let mut four = [0; 4];
    if mpi.rank() != 1 {
        mpi.send(1, &[0; 100_000])?;
        return if how == "deaf" { Ok(()) } else { Ok(mpi.receive(1, &mut four)?) };
    }
    match how {
        "panic" => panic!("rank 1 panics as it was told"),
        "error" => return Err("rank 1 fails as it was told".into()),
        "exit" => process::exit(0),
        "freeze" => {
            Command::new("kill").args(["-STOP", &process::id().to_string()]).status()?;
        }
        "deaf" => return Ok(()),
        "wrong-length" => mpi.send(0, &[0; 5])?,
        _ => return Err(format!("there is no misbehaviour `{how}`").into()),
    }
    // Waits for a message that never comes from itself.
    Ok(mpi.receive(1, &mut four)?)
}
