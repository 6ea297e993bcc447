//! Medians and spread of what was measured, and how many times this framework costs less than others.

use super::run::Measured;

/// Tells one run.
pub fn line(run: &Measured) {
    let Measured { cell, contender, cold_us, memory_mb, others, .. } = run;
    if let Some(problem) = &run.problem {
        println!("{cell:4} {contender:10} does not count: {problem}");
        return;
    }
    let warm = run.warm_us.map_or_else(|| "   -".to_owned(), |us| format!("{us:.2}"));
    let first = run.first_output_ms.unwrap_or(f64::NAN);
    println!(
        "{cell:4} {contender:10} warm {warm:>7} us  cold {cold_us:7.2} us  {memory_mb:6.0} MB  first {first:6.0} ms  \
         all {:5.1} s  others {others:.1}",
        run.wall_s
    );
}

/// A figure of a run.
type Figure = fn(&Measured) -> Option<f64>;

const COLUMNS: [(&str, usize, Figure); 7] = [
    ("warm us", 2, |run| run.warm_us),
    ("cold us", 2, |run| Some(run.cold_us)),
    ("records/s", 0, |run| run.warm_rate),
    ("broker us", 2, |run| run.broker_us),
    ("MB", 0, |run| Some(run.memory_mb)),
    ("first ms", 0, |run| run.first_output_ms),
    ("others", 1, |run| Some(run.others)),
];

/// Prints a table of all runs that count: median (least–most), and below each cell the ratios to this framework.
pub fn table(runs: &[Measured]) {
    let names: Vec<&str> = COLUMNS.iter().map(|(name, ..)| *name).collect();
    println!("\n| cell | contender | runs | {} |", names.join(" | "));
    println!("|---|---|---|{}", "---|".repeat(COLUMNS.len()));
    for cell in distinct(runs.iter().map(|run| run.cell)) {
        let of = |contender: &str| -> Vec<&Measured> {
            let is =
                |run: &&Measured| run.cell == cell && run.contender == contender && run.problem.is_none();
            runs.iter().filter(is).collect()
        };
        let contenders = distinct(runs.iter().map(|run| run.contender.as_str()));
        for contender in contenders.iter().filter(|contender| !of(contender).is_empty()) {
            let runs = of(contender);
            let figures: Vec<String> =
                COLUMNS.iter().map(|(_, digits, figure)| spread(&runs, *figure, *digits)).collect();
            println!("| {cell} | {contender} | {} | {} |", runs.len(), figures.join(" | "));
        }
        for other in contenders.iter().filter(|other| **other != "streams") {
            let ratios: Vec<String> =
                COLUMNS.iter().map(|(_, _, figure)| ratio(&of(other), &of("streams"), *figure)).collect();
            if ratios.iter().any(|ratio| ratio != "-") {
                println!("| {cell} | {other} / streams | | {} |", ratios.join(" | "));
            }
        }
    }
}

fn distinct<T: PartialEq>(all: impl Iterator<Item = T>) -> Vec<T> {
    let mut distinct = Vec::new();
    for one in all {
        if !distinct.contains(&one) {
            distinct.push(one);
        }
    }
    distinct
}

fn sorted(runs: &[&Measured], figure: Figure) -> Vec<f64> {
    let mut figures: Vec<f64> = runs.iter().filter_map(|run| figure(run)).collect();
    figures.sort_by(f64::total_cmp);
    figures
}

fn median(sorted: &[f64]) -> Option<f64> {
    let (low, high) = (sorted.get((sorted.len().max(1) - 1) / 2)?, sorted.get(sorted.len() / 2)?);
    Some((low + high) / 2.0)
}

fn spread(runs: &[&Measured], figure: Figure, digits: usize) -> String {
    let figures = sorted(runs, figure);
    match (median(&figures), &figures[..]) {
        (Some(median), [_]) => format!("{median:.digits$}"),
        (Some(median), [least, .., most]) => format!("{median:.digits$} ({least:.digits$}–{most:.digits$})"),
        _ => "-".to_owned(),
    }
}

fn ratio(other: &[&Measured], own: &[&Measured], figure: Figure) -> String {
    match (median(&sorted(other, figure)), median(&sorted(own, figure))) {
        (Some(other), Some(own)) if own > 0.0 => format!("{:.2}x", other / own),
        _ => "-".to_owned(),
    }
}
