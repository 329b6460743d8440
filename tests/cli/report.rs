//! The report: what stands on the page, what it refuses, and, where there is a browser, whether it can be seen there.

use std::fs;
use std::io::Write;
use std::time::Duration;

use assert_cmd::Command;
use predicates::str::contains;
use serde_json::Value;

use crate::desk::Desk;

/// The figures of a spiking run.
const FIGURES: [&str; 10] = [
    "loss",
    "error",
    "samples",
    "goodness",
    "labels",
    "weights",
    "raster",
    "membrane",
    "confusion",
    "mistakes",
];

/// Settings that train in a blink, and well enough to have something to show.
const RUN: &str = "--set layers=[40,40] --set epochs=4 --set batch=10 --set steps=6 --set threshold=1";
/// Of these, those that rectifiers have as well.
const BOTH: &str = "--set layers=[40,40] --set epochs=4 --set batch=10";

fn page(desk: &Desk, path: &str) -> String {
    fs::read_to_string(desk.path(path)).unwrap()
}

/// What stands between `<figure ... id="name">` and its end.
fn figure<'a>(page: &'a str, name: &str) -> &'a str {
    let start = page.find(&format!("id=\"{name}\"")).unwrap_or_else(|| panic!("no figure {name}"));
    page[start..].split("</figure>").next().unwrap()
}

fn shapes(svg: &str) -> usize {
    ["<rect", "<polyline", "<polygon", "<circle", "<image", "<line"]
        .iter()
        .map(|tag| svg.matches(tag).count())
        .sum()
}

/// Nothing on the page makes a browser ask another machine for something, or run something; nothing is named twice.
fn check_self_contained(page: &str) {
    let mut ids: Vec<&str> =
        page.split(" id=\"").skip(1).map(|rest| rest.split('"').next().unwrap()).collect();
    ids.sort();
    assert!(ids.windows(2).all(|two| two[0] != two[1]), "{ids:?}");
    for forbidden in ["<script", "<link", "<iframe", " src=", "url(", "@import", "javascript:"] {
        assert!(!page.contains(forbidden), "{forbidden} is on the page");
    }
    let elsewhere = page.replace("xmlns=\"http://www.w3.org/2000/svg\"", "");
    assert!(!elsewhere.contains("http://") && !elsewhere.contains("https://"));
    for target in page.split("href=\"").skip(1) {
        assert!(target.starts_with('#') || target.starts_with("data:image/png;base64,"), "{:.60}", target);
    }
}

#[test]
fn a_page_holds_all_of_a_run() {
    let desk = Desk::new();
    desk.run(&format!("train {RUN} --seed 5 --out run"));
    let report = desk.json("report run --json");
    let eval = desk.json("eval run/model.safetensors --json");
    assert_eq!(report["report"], "run/report.html");
    let numbers = &report["runs"][0];
    for key in
        ["test_error", "layer_test_error", "head_test_error", "spikes_per_inference", "spikes_in_one_pass"]
    {
        assert_eq!(numbers[key], eval[key], "{key}");
    }
    let confusion: Vec<Vec<u64>> = serde_json::from_value(numbers["confusion"].clone()).unwrap();
    let (all, right) =
        (confusion.iter().flatten().sum::<u64>(), (0..10).map(|k| confusion[k][k]).sum::<u64>());
    let error = eval["test_error"].as_f64().unwrap();
    assert_eq!(all, 60);
    assert!((error - 100.0 * (all - right) as f64 / all as f64).abs() < 1e-9);
    let after = numbers["positive_above_negative"]["after"].as_array().unwrap();
    assert!(after.iter().all(|share| share.as_f64().unwrap() > 60.0), "{after:?}");

    let page = page(&desk, "run/report.html");
    check_self_contained(&page);
    let summary: Value = serde_json::from_str(&self::page(&desk, "run/summary.json")).unwrap();
    for words in [
        "ff-cli</span> <span class=\"word\">train</span>",
        "<span class=\"word\">'layers=[40,40]'</span>",
        "<span class=\"word\">run/config.toml</span>",
        summary["machine"]["cpu"].as_str().unwrap(),
        summary["finished"].as_str().unwrap(),
        &format!("{error:.2}\u{a0}%"),
        "200 images of digits, 4 epochs, 10 images a step",
        "<code>learning_rate</code>",
        "all 10 labels tried",
        "one pass with the heads",
    ] {
        assert!(page.contains(words), "`{words}` is not on the page");
    }
    assert!(page.find("test error").unwrap() < page.find("What was run").unwrap(), "the result comes first");
    for name in FIGURES {
        let figure = figure(&page, name);
        assert!(shapes(figure) > 10, "{name} has {} shapes", shapes(figure));
        assert!(figure.contains("<figcaption>") && !figure.contains("no finite value"), "{name}");
        let picture = image::open(desk.path(&format!("run/plots/{name}.png"))).unwrap();
        assert!(picture.width() == 1200 && picture.height() > 200, "{name}");
        assert!(shapes(&self::page(&desk, &format!("run/plots/{name}.svg"))) > 10, "{name}");
    }
    // Each of the ten labels of ten digits has a bar in each of the two drawings.
    let bars =
        |opacity: &str| figure(&page, "labels").matches(&format!("opacity=\"{opacity}\" fill")).count();
    assert_eq!(bars("0.85") + bars("0.55"), 2 * 10 * 10);

    // Made again, it is the same.
    desk.run("report run --threads 1 --out again.html").stdout(contains("the report is again.html"));
    assert!(self::page(&desk, "again.html") == page, "the page is not the same");
}

#[test]
fn runs_stand_side_by_side_with_what_differs() {
    let desk = Desk::new();
    desk.run(&format!("train {RUN} --out a/run"));
    desk.run(&format!("train {BOTH} --seed 2 --set neuron=relu --out b/run"));
    desk.run(&format!("train {RUN} --seed 3 --out c<i>&amp;"));
    desk.run("report a/run b/run c<i>&amp;").stdout(contains("the report is report.html"));
    let page = page(&desk, "report.html");
    check_self_contained(&page);
    assert!(page.contains("3 runs side by side"));
    // Same names are told apart; a name is no markup.
    assert!(page.contains(">a/run<") && page.contains(">b/run<"));
    assert!(page.contains("c&lt;i&gt;&amp;amp;") && !page.contains("c<i>"));
    let table = page.split("What differs").nth(1).unwrap().split("</table>").next().unwrap();
    let keys: Vec<&str> = table.split("<code>").skip(1).map(|rest| rest.split('<').next().unwrap()).collect();
    assert_eq!(keys, ["neuron", "seed"], "only what differs is listed");
    assert!(shapes(figure(&page, "errors")) > 10);
    for name in FIGURES {
        assert!(shapes(figure(&page, &format!("{name}-1"))) > 10, "{name}");
        let of_relu = page.contains(&format!("id=\"{name}-2\""));
        assert_eq!(of_relu, name != "raster" && name != "membrane", "{name} of rectifiers");
    }
    assert!(page.contains("they have no membrane and do not spike"));
    // A report leaves the rest of a run as it is.
    assert!(!desk.path("a/run/report.html").exists() && desk.path("a/run/plots/labels.svg").exists());
}

#[test]
fn a_run_of_an_older_program_and_images_of_another_set_are_told() {
    let desk = Desk::new();
    desk.run(&format!("train {RUN} --out run"));
    desk.run(&format!("train --preset tutorial {RUN} --set steps=1 --out tutorial"));
    let mut summary: Value = serde_json::from_str(&page(&desk, "run/summary.json")).unwrap();
    for key in ["command", "commit", "finished", "machine"] {
        assert!(summary.as_object_mut().unwrap().remove(key).is_some(), "{key}");
    }
    fs::write(desk.path("run/summary.json"), summary.to_string()).unwrap();
    let config = page(&desk, "run/config.toml");
    let older: String =
        config.lines().filter(|l| !l.starts_with("weight_scale")).map(|l| format!("{l}\n")).collect();
    fs::write(desk.path("run/config.toml"), older).unwrap();
    desk.run("report run");
    let old = page(&desk, "run/report.html");
    assert_eq!(old.matches("not recorded").count(), 3, "command, commit and date");
    assert!(!old.contains("class=\"note\""));

    desk.lay_out("others", &ff_data::synthetic(50, 20, 9));
    desk.run("report run --data others");
    let note = page(&desk, "run/report.html");
    assert!(
        note.contains("It was trained on digits, but this page looks at images of others."),
        "{note:.2000}"
    );

    // Linear units that are judged by their membrane, layer after layer.
    desk.run("report tutorial");
    let tutorial = page(&desk, "tutorial/report.html");
    assert!(tutorial.contains("4 epochs for each layer") && tutorial.contains("one after the other"));
    assert!(tutorial.contains("threshold 5") && !tutorial.contains("one pass with the heads"));
}

#[test]
fn what_is_no_run_is_refused() {
    let desk = Desk::new();
    assert!(desk.refused("report").contains("no run was named\n  try: `ff-cli train`"));
    desk.run(&format!("train {RUN}"));
    desk.run(&format!("train {RUN}"));
    let text = desk.refused("report");
    assert!(
        text.contains("try: `ff-cli report runs/quick-2`; there are runs/quick-1, runs/quick-2"),
        "{text}"
    );
    let copy = |name: &str| {
        fs::create_dir(desk.path(name)).unwrap();
        for file in ["config.toml", "metrics.jsonl", "summary.json", "model.safetensors"] {
            fs::copy(desk.path(&format!("runs/quick-1/{file}")), desk.path(&format!("{name}/{file}")))
                .unwrap();
        }
    };
    for name in ["line", "nothing", "halved", "settings", "whole", "stopped"] {
        copy(name);
    }
    fs::write(desk.path("line/metrics.jsonl"), page(&desk, "line/metrics.jsonl") + "{\"epoch\":5,\"err")
        .unwrap();
    fs::remove_file(desk.path("nothing/model.safetensors")).unwrap();
    let model = fs::read(desk.path("halved/model.safetensors")).unwrap();
    fs::write(desk.path("halved/model.safetensors"), &model[..model.len() / 2]).unwrap();
    fs::write(desk.path("settings/config.toml"), "epoch = 4\n").unwrap();
    fs::write(desk.path("whole/summary.json"), "{").unwrap();
    fs::remove_file(desk.path("stopped/summary.json")).unwrap();
    fs::create_dir(desk.path("stopped/checkpoints")).unwrap();
    desk.lay_out("small", &half_size());
    let repeats = "try: `ff-cli train --config";
    for (words, what, advice) in [
        ("report nowhere", "nowhere: is not there", "`ff-cli report RUN_DIR`"),
        (
            "report digits",
            "digits: is not a run's directory: it has no config.toml",
            "`ff-cli report RUN_DIR`",
        ),
        ("report runs/quick-1 nowhere", "nowhere: is not there", "`ff-cli report RUN_DIR`"),
        ("report line", "line/metrics.jsonl, line 5: is damaged (EOF while parsing", repeats),
        ("report nothing", "nothing: this run has no model.safetensors", repeats),
        ("report halved", "halved/model.safetensors: is not a whole safetensors file", "`ff-cli train"),
        ("report settings", "settings/config.toml: there is no setting `epoch`", "`epochs`"),
        ("report stopped", "stopped: this run has not ended", "`ff-cli train --resume stopped`"),
        ("report whole", "whole/summary.json: is damaged (EOF while parsing", repeats),
        (
            "report runs/quick-1 --out no/where.html",
            "no/where.html: cannot be written",
            "`--out FILE` elsewhere",
        ),
        ("report runs/quick-1 --out digits", "digits: cannot be written: it is a directory", "`--out FILE`"),
        (
            "report runs/quick-1 --data small",
            "the model is for images of 28 x 28 in 10 classes",
            "`--data DIR`",
        ),
        ("report runs/quick-1 --data nowhere", "nowhere", "`--data DIR`"),
        ("report runs/quick-1 --device gpu", "there is no device `gpu`", "`--device auto`"),
    ] {
        let text = desk.refused(words);
        assert!(text.contains(what) && text.contains(advice), "{words}: {text}");
    }
    // A file stands where the plots should go.
    copy("blocked");
    fs::write(desk.path("blocked/plots"), "").unwrap();
    let text = desk.refused("report blocked");
    assert!(text.contains("blocked/plots: cannot be made") && text.contains("a copy of the run"), "{text}");
}

/// Digits of 14 x 14 pixels.
fn half_size() -> ff_data::Dataset {
    let set = ff_data::synthetic(20, 20, 1);
    let half = |samples: &ff_data::Samples| ff_data::Samples {
        images: ndarray::Array2::from_shape_fn((20, 196), |(i, p)| {
            samples.images[[i, p / 14 * 56 + p % 14 * 2]]
        }),
        labels: samples.labels.clone(),
    };
    ff_data::Dataset { width: 14, height: 14, train: half(&set.train), test: half(&set.test), ..set }
}

/// Tells the page around this one what can be seen: for each chart its shapes, its words that are cut off or written
/// over others, and its faintest words; then how far the page is wider than the window.
const LOOK: &str = r#"<script>addEventListener("load", () => {
  const light = colour => { const [r, g, b] = colour.match(/[\d.]+/g).map(Number).map(v => v / 255)
    .map(v => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
  const paper = light(getComputedStyle(document.body).backgroundColor);
  const contrast = colour => { const ink = light(colour); return (Math.max(ink, paper) + 0.05) / (Math.min(ink, paper) + 0.05); };
  const charts = [...document.querySelectorAll("figure.chart")].map(figure => {
    const seen = [...figure.querySelectorAll("svg")].filter(svg => svg.getBoundingClientRect().width > 0);
    const frame = seen[0].parentElement.getBoundingClientRect();
    const boxes = kind => [...seen[0].querySelectorAll(kind)].map(e => [e, e.getBoundingClientRect()]);
    const shapes = boxes("rect, polyline, polygon, circle, image, line").filter(([, b]) => b.width + b.height > 0);
    const words = boxes("text").map(([e, b]) => ({ e, b, words: e.textContent.trim() }));
    const cut = words.filter(({ b }) => b.left < frame.left - 1 || b.right > frame.right + 1 || b.top < frame.top - 1 || b.bottom > frame.bottom + 1);
    const over = words.filter(({ b }, i) => words.some(({ b: c }, k) => k > i
      && Math.min(b.right, c.right) - Math.max(b.left, c.left) > 2 && Math.min(b.bottom, c.bottom) - Math.max(b.top, c.top) > 4));
    const said = list => list.map(({ words }) => words);
    return { id: figure.id, drawings: seen.length, width: frame.width, height: frame.height, shapes: shapes.length, words: words.length,
      cut: said(cut), over: said(over), contrast: Math.min(...words.map(({ e }) => contrast(getComputedStyle(e).fill))),
      size: Math.min(...words.map(({ e, b }) => Math.min(b.height, b.width + b.height))) };
  });
  const page = document.documentElement.scrollWidth;
  parent.postMessage(JSON.stringify({ window: innerWidth, page, paper, charts }), "*");
});</script>"#;

/// A window within the window, which may be as narrow as a phone, and what was told from there.
const FRAME: &str = r#"<!doctype html><pre id="told"></pre>
<script>addEventListener("message", e => { document.getElementById("told").textContent = e.data; });</script>
<iframe src="looked-at.html" style="border: 0; height: 900px; width: WIDTHpx"></iframe>"#;

/// A browser that works, if there is one.
fn browser() -> Option<&'static str> {
    let works = |name: &&str| {
        let mut command = std::process::Command::new(name);
        command.arg("--version").output().is_ok_and(|out| out.status.success() && out.stdout.len() > 4)
    };
    ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"]
        .into_iter()
        .find(works)
}

/// What can be seen of `page`, which is written to `desk`.
fn look(browser: &str, desk: &Desk, page: &str, window: u32, dark: bool) -> Value {
    fs::write(desk.path("looked-at.html"), page.replace("</body>", &format!("{LOOK}</body>"))).unwrap();
    let frame = desk.path("frame.html");
    fs::write(&frame, FRAME.replace("WIDTH", &window.to_string())).unwrap();
    let profile = tempfile::tempdir().unwrap();
    let mut command = Command::new(browser);
    command.args(["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--dump-dom"]);
    command.arg(format!("--user-data-dir={}", profile.path().display()));
    command.args(["--window-size=1400,1000", "--virtual-time-budget=5000"]);
    command.arg(format!("--blink-settings=preferredColorScheme={}", if dark { 0 } else { 1 }));
    let output = command
        .arg(format!("file://{}", frame.display()))
        .timeout(Duration::from_secs(120))
        .output()
        .unwrap();
    let dom = String::from_utf8(output.stdout).unwrap();
    let told =
        dom.split("<pre id=\"told\">").nth(1).unwrap_or_else(|| panic!("nothing was told: {dom:.500}"));
    let told =
        told.split("</pre>").next().unwrap().replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
    serde_json::from_str(&told).unwrap()
}

#[test]
#[allow(clippy::explicit_write)]
fn a_browser_shows_every_chart_on_a_screen_and_on_a_phone_in_light_and_in_dark() {
    let Some(browser) = browser() else {
        // Straight to stderr, because the test harness keeps what a passing test prints to itself.
        let advice = "install Chromium or Chrome";
        writeln!(std::io::stderr(), "SKIPPED the look at a report in a browser: there is none; {advice}")
            .unwrap();
        return;
    };
    let desk = Desk::new();
    desk.run(&format!("train {RUN} --out run"));
    desk.run(&format!("train --preset tutorial {RUN} --set steps=1 --out tutorial"));
    desk.run("report run");
    desk.run("report run tutorial --out both.html");
    let told = ["loss-2", "errors", "raster-1", "membrane-2"];
    for (path, figures) in [("run/report.html", &FIGURES[..]), ("both.html", &told)] {
        let page = page(&desk, path);
        for (window, dark) in [(1280, false), (1280, true), (390, false), (390, true)] {
            let seen = look(browser, &desk, &page, window, dark);
            let place = format!("{path}, {window} wide, dark: {dark}");
            assert_eq!(seen["window"], window, "{place}");
            assert_eq!(seen["page"], window, "{place}: the page is wider than the window");
            assert_eq!(seen["paper"].as_f64().unwrap() < 0.1, dark, "{place}: {}", seen["paper"]);
            let charts = seen["charts"].as_array().unwrap();
            for name in figures {
                assert!(charts.iter().any(|chart| chart["id"] == **name), "{place}: no {name}");
            }
            for chart in charts {
                let at_least = |key: &str, least: f64| {
                    assert!(chart[key].as_f64().unwrap() >= least, "{place}: {key} of {chart}");
                };
                assert_eq!(chart["drawings"], 1, "{place}: {chart}");
                at_least("width", 340.0);
                at_least("height", 150.0);
                at_least("shapes", 10.0);
                at_least("words", 3.0);
                at_least("contrast", 4.5);
                at_least("size", 9.0);
                for fault in ["cut", "over"] {
                    assert_eq!(chart[fault], Value::Array(Vec::new()), "{place}: {fault} in {}", chart["id"]);
                }
            }
        }
    }
}
