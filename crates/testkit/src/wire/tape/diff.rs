//! What tells people that a request is not as it was recorded.

use std::collections::BTreeSet;

use similar::TextDiff;

use super::exchange::{Asked, Exchange};

/// How many requests of the same path are compared to find the nearest.
const COMPARED: usize = 200;

/// How many lines are shown of a request, and around a difference.
const LINES: usize = 60;
const AROUND: usize = 4;

/// A request that was not recorded: how it differs from the nearest one, of those left if there are any.
pub(super) fn unknown(
    part: &str,
    asked: &Asked,
    recorded: &[Exchange],
    is_left: impl Fn(&Exchange) -> bool,
) -> String {
    let title = format!("{} {} of {part} is not on the tape", asked.method, asked.path);
    if recorded.is_empty() {
        return format!("{title}, which has nothing of {part}: record it again\n");
    }
    let like = |e: &&Exchange| e.asked.method == asked.method && e.asked.path == asked.path;
    let (left, given): (Vec<&Exchange>, Vec<&Exchange>) =
        recorded.iter().filter(like).partition(|e| is_left(e));
    let shown = asked.shown();
    match nearest(&shown, &left).or_else(|| nearest(&shown, &given)) {
        Some(nearest) => {
            format!("{title}; the nearest that is, and the request:\n{}", diff(&nearest, &shown))
        }
        None => {
            let paths: BTreeSet<String> =
                recorded.iter().map(|e| format!("{} {}", e.asked.method, e.asked.path)).collect();
            let paths: Vec<String> = paths.into_iter().take(LINES).collect();
            format!(
                "{title}, nor any other of its path:\n{}\nthere are:\n{}\n",
                cut(&shown),
                paths.join("\n")
            )
        }
    }
}

/// A request that comes more often than it was recorded.
pub(super) fn repeated(part: &str, asked: &Asked, recorded: usize) -> String {
    let times = if recorded == 1 { "once".to_owned() } else { format!("{recorded} times") };
    format!("{part} was recorded {times} with this request, which comes once more:\n{}", cut(&asked.shown()))
}

/// Requests that were recorded and did not come.
pub(super) fn unused(part: &str, first: &Asked, count: usize) -> String {
    let many = if count == 1 { "a request" } else { &format!("{count} requests") };
    format!("{part} was recorded with {many} that did not come, the first:\n{}", cut(&first.shown()))
}

fn nearest(shown: &str, candidates: &[&Exchange]) -> Option<String> {
    let texts = candidates.iter().take(COMPARED).map(|e| e.asked.shown());
    texts.max_by(|a, b| ratio(a, shown).total_cmp(&ratio(b, shown)))
}

fn ratio(a: &str, b: &str) -> f32 {
    TextDiff::from_lines(a, b).ratio()
}

fn diff(recorded: &str, asked: &str) -> String {
    let diff = TextDiff::from_lines(recorded, asked);
    cut(&diff.unified_diff().context_radius(AROUND).header("recorded", "now").to_string())
}

/// The first lines.
fn cut(text: &str) -> String {
    let lines = text.lines().count();
    let mut shown: String = text.lines().take(LINES).flat_map(|line| [line, "\n"]).collect();
    if lines > LINES {
        shown += &format!("… and {} more lines\n", lines - LINES);
    }
    shown
}
