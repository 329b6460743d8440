//! These tests download from a server on this machine. The file is whole, cut short, wrong or missing, or the server is dead.
#![allow(clippy::unwrap_used)]

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;

use flate2::{Compression, write::GzEncoder};

use super::*;

fn packed(content: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

/// Starts a server that answers every request with `status` and `body` and announces `length` bytes. Returns its address.
fn serve(status: &'static str, body: Vec<u8>, length: usize) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}/", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
            while lines.next().is_some_and(|line| line.is_ok_and(|line| !line.is_empty())) {}
            let head = format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n");
            let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&body));
        }
    });
    address
}

fn sum(content: &[u8]) -> String {
    Sha256::digest(content).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn falls_back_to_the_second_mirror_and_keeps_whole_files() {
    let body = packed(b"content");
    let good = serve("200 OK", body.clone(), body.len());
    let dead = format!("http://{}/", TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap());
    let (dir, sum) = (tempfile::tempdir().unwrap(), sum(b"content"));
    let seen = std::cell::Cell::new(0);
    fetch_from(&[&dead, &good], &[&sum; 4], dir.path(), &|p| seen.set(seen.get() + p.bytes)).unwrap();
    assert_eq!(seen.get(), 4 * body.len() as u64);
    for file in FILES {
        assert_eq!(std::fs::read(dir.path().join(format!("{file}.gz"))).unwrap(), body);
    }
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 4);
}

#[test]
fn a_bad_answer_leaves_nothing_behind() {
    let body = packed(&[7; 5_000]);
    let short = body[..body.len() - 9].to_vec();
    let cases = [
        (serve("200 OK", body.clone(), body.len()), "wrong checksum"),
        (serve("200 OK", short.clone(), short.len()), "damaged file"),
        (serve("200 OK", short, body.len()), "broke off"),
        (serve("404 Not Found", Vec::new(), 0), "gave no file"),
    ];
    for (mirror, reason) in cases {
        let dir = tempfile::tempdir().unwrap();
        let sum = if reason == "wrong checksum" { sum(b"other") } else { sum(&[7; 5_000]) };
        let message = fetch_from(&[&mirror], &[&sum; 4], dir.path(), &|_| ()).unwrap_err().to_string();
        assert!(message.contains(reason) && message.contains(FILES[0]), "{message}");
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0, "{reason}");
    }
}
