//! The numbered examples of `forward-forward`, run as anyone would, and what they print.
#![allow(clippy::unwrap_used, missing_docs)]

use std::path::Path;
use std::process::Command;
use std::time::SystemTime;

/// What an example prints.
fn run(name: &str) -> String {
    let tests = std::env::current_exe().unwrap();
    let path = tests.ancestors().nth(2).unwrap().join("examples").join(name);
    let built = std::fs::metadata(&path).and_then(|file| file.modified()).ok();
    // `cargo test` has built it, `cargo test --test examples` has not: what is there may be old.
    let fresh = built.is_some_and(|built| newest(&format!("{name}.rs")) <= built);
    assert!(fresh, "{} is old or not there: `cargo test`, or `cargo build --examples`", path.display());
    let output = Command::new(path).output().unwrap();
    assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// When the last of the files was changed that an example is built from.
fn newest(example: &str) -> SystemTime {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).join("crates");
    let mut newest =
        crates.join("forward-forward/examples").join(example).metadata().unwrap().modified().unwrap();
    let mut dirs: Vec<_> = ["ff-tensor", "ff-cpu", "ff-data", "ff-net", "forward-forward"]
        .map(|name| crates.join(name).join("src"))
        .into();
    while let Some(dir) = dirs.pop() {
        for entry in std::fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => dirs.push(path),
                false => newest = newest.max(path.metadata().unwrap().modified().unwrap()),
            }
        }
    }
    newest
}

/// The numbers before each `%`, in order.
fn percents(text: &str) -> Vec<f64> {
    let words: Vec<&str> = text.split_whitespace().collect();
    words.windows(2).filter(|pair| pair[1].starts_with('%')).map(|pair| pair[0].parse().unwrap()).collect()
}

/// The last number before a `%`, which has to be below `most`.
fn ends_below(most: f64, text: &str) {
    let last = percents(text.lines().last().unwrap())[0];
    assert!(last < most, "{text}");
}

#[test]
fn a_net_is_trained_in_a_few_lines() {
    let text = run("01-train");
    assert_eq!(text.lines().filter(|line| line.starts_with("epoch ")).count(), 4, "{text}");
    ends_below(12.0, &text);
}

#[test]
fn data_of_ones_own_is_learned() {
    let text = run("02-own-data");
    ends_below(5.0, &text);
}

#[test]
fn a_new_neuron_learns() {
    ends_below(12.0, &run("03-new-neuron"));
}

#[test]
fn a_new_objective_is_minimised() {
    let text = run("04-new-objective");
    let losses: Vec<f64> = text
        .split_whitespace()
        .filter_map(|word| word.parse::<f64>().ok().filter(|number| *number < 1.0))
        .collect();
    assert!(losses.len() == 2 && losses[0] > losses[1], "{text}");
    ends_below(14.0, &text);
}

#[test]
fn goodness_is_seen_to_tell_labels_apart() {
    let text = run("05-watch-goodness");
    let apart = percents(&text);
    assert_eq!(apart.len(), 10, "{text}");
    assert!(apart[4] > apart[0] && apart[9] > apart[5] && apart[9] > 90.0, "{text}");
}

#[test]
fn a_net_learns_on_image_by_image_and_keeps_most_of_what_it_knew() {
    let text = run("06-continual");
    let errors = percents(&text);
    let ([in_place, slipped], [in_place_after, slipped_after]) =
        ([errors[0], errors[1]], [errors[8], errors[9]]);
    assert!(in_place < 10.0 && slipped > 60.0, "{text}");
    assert!(in_place_after < 30.0 && slipped_after < 40.0, "{text}");
}

#[test]
fn a_model_file_is_enough_to_predict() {
    let text = run("07-predict");
    let right = |line: &str| {
        let word = |n: usize| line.split_whitespace().nth(n).unwrap().trim_end_matches(',').to_string();
        word(4) == word(10)
    };
    let images: Vec<&str> = text.lines().filter(|line| line.starts_with("image ")).collect();
    assert_eq!(images.len(), 8, "{text}");
    assert!(images.iter().filter(|line| right(line)).count() >= 6, "{text}");
}

#[test]
fn a_new_optimiser_learns() {
    ends_below(12.0, &run("08-new-optimiser"));
}

#[test]
fn a_new_connection_learns_with_a_fifth_of_the_weights() {
    let errors = percents(&run("09-new-connection"));
    assert!(errors[0] < 14.0 && (18.0..22.0).contains(&errors[1]), "{errors:?}");
}

#[test]
fn images_are_told_from_patchworks_without_labels() {
    let shares = percents(&run("10-without-labels"));
    assert!(shares[0] < 70.0 && shares[1] > 85.0, "{shares:?}");
}

#[test]
fn every_example_is_run_here_and_named_in_the_readme() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = |path: &str| std::fs::read_to_string(root.join(path)).unwrap();
    let (here, readme) = (text("tests/examples.rs"), text("README.md"));
    let mut numbered = 0;
    for entry in std::fs::read_dir(root.join("crates/forward-forward/examples")).unwrap() {
        let name = entry.unwrap().path().file_stem().unwrap().to_str().unwrap().to_string();
        if name.starts_with(|first: char| first.is_ascii_digit()) {
            numbered += 1;
            assert!(here.contains(&format!("run(\"{name}\")")), "{name} is not run");
            assert!(readme.contains(&format!("`{name}`")), "{name} is not in README.md");
        }
    }
    assert!(numbered >= 10, "{numbered}");
}

#[test]
fn the_readme_shows_the_first_example_as_it_is() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = |path: &str| std::fs::read_to_string(root.join(path)).unwrap();
    let (readme, example) = (text("README.md"), text("crates/forward-forward/examples/01-train.rs"));
    let (_, code) = example.split_once("\n\n").unwrap();
    assert!(
        readme.contains(&format!("```rust\n{code}```")),
        "README.md shows other code than 01-train.rs:\n{code}"
    );
    // `tests/tidy.rs` holds the other two against an example.
    assert_eq!(readme.matches("```rust\n").count(), 1, "code that nobody compiles");
}
