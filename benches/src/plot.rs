//! How a cost grows, as a picture: time for each pod against the number of nodes, both on logarithmic axes.

use crate::row::Row;

/// The rows that are points of the curve.
const METRIC: &str = "time for each pod";
const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 320.0;
/// The room for what is written beside the axes.
const LEFT: f64 = 70.0;
const BOTTOM: f64 = 50.0;
const MARGIN: f64 = 20.0;

/// An axis: the powers of ten from and to which it goes, and where these lie.
struct Axis {
    powers: (i32, i32),
    ends: (f64, f64),
}

impl Axis {
    fn over(values: impl Iterator<Item = f64> + Clone, ends: (f64, f64)) -> Self {
        let (least, most) = (values.clone().fold(f64::MAX, f64::min), values.fold(f64::MIN, f64::max));
        #[expect(clippy::cast_possible_truncation, reason = "powers of ten of what can be measured")]
        let powers = (
            least.log10().floor() as i32,
            (most.log10().ceil() as i32).max(least.log10().floor() as i32 + 1),
        );
        Self { powers, ends }
    }

    fn place(&self, value: f64) -> f64 {
        let (from, to) = (f64::from(self.powers.0), f64::from(self.powers.1));
        self.ends.0 + (value.log10() - from) / (to - from) * (self.ends.1 - self.ends.0)
    }
}

/// A picture of the rows that say how cost grows, in SVG; `None` when there are fewer than two.
pub fn render(rows: &[Row]) -> Option<String> {
    let of = |row: &Row| Some((nodes(&row.case)?, row.value));
    let points: Vec<(f64, f64)> = rows.iter().filter(|row| row.metric == METRIC).filter_map(of).collect();
    if points.len() < 2 {
        return None;
    }
    let across = Axis::over(points.iter().map(|point| point.0), (LEFT, WIDTH - MARGIN));
    let up = Axis::over(points.iter().map(|point| point.1), (HEIGHT - BOTTOM, MARGIN));
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" font-family=\"sans-serif\" \
         font-size=\"12\">\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n"
    );
    grid(&mut svg, &across, &up);
    let path: Vec<String> = points
        .iter()
        .map(|(nodes, time)| format!("{:.1},{:.1}", across.place(*nodes), up.place(*time)))
        .collect();
    line(
        &mut svg,
        &format!(
            "<polyline points=\"{}\" fill=\"none\" stroke=\"#1f6feb\" stroke-width=\"2\"/>",
            path.join(" ")
        ),
    );
    for (nodes, time) in &points {
        let (x, y) = (across.place(*nodes), up.place(*time));
        line(&mut svg, &format!("<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3.5\" fill=\"#1f6feb\"/>"));
        line(
            &mut svg,
            &format!("<text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{time:.1}</text>", y - 9.0),
        );
    }
    svg.push_str("</svg>\n");
    Some(svg)
}

/// The number of nodes that a case names.
fn nodes(case: &str) -> Option<f64> {
    let words: Vec<&str> = case.split([' ', ',']).collect();
    let at = words.iter().position(|word| *word == "nodes")?;
    words.get(at.checked_sub(1)?)?.parse().ok()
}

fn grid(svg: &mut String, across: &Axis, up: &Axis) {
    for power in across.powers.0..=across.powers.1 {
        let x = across.place(10f64.powi(power));
        let label = format!("{}", 10f64.powi(power));
        line(svg, &format!("<path d=\"M{x:.1} {MARGIN} V{:.1}\" stroke=\"#ddd\"/>", HEIGHT - BOTTOM));
        line(
            svg,
            &format!(
                "<text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{label}</text>",
                HEIGHT - BOTTOM + 18.0
            ),
        );
    }
    for power in up.powers.0..=up.powers.1 {
        let y = up.place(10f64.powi(power));
        line(svg, &format!("<path d=\"M{LEFT} {y:.1} H{:.1}\" stroke=\"#ddd\"/>", WIDTH - MARGIN));
        line(
            svg,
            &format!(
                "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
                LEFT - 8.0,
                y + 4.0,
                10f64.powi(power)
            ),
        );
    }
    line(
        svg,
        &format!(
            "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">nodes</text>",
            (LEFT + WIDTH) / 2.0,
            HEIGHT - 10.0
        ),
    );
    let middle = (HEIGHT - BOTTOM) / 2.0;
    line(
        svg,
        &format!(
            "<text transform=\"translate(20 {middle:.1}) rotate(-90)\" text-anchor=\"middle\">µs to place a pod</text>"
        ),
    );
}

fn line(svg: &mut String, element: &str) {
    svg.push_str(element);
    svg.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_size_is_a_point_and_one_alone_is_no_curve() {
        let row = |nodes: u32, time: f64| {
            Row::new("b", format!("plain, {nodes} nodes, 9 pods"), METRIC, time, "us")
        };
        let svg = render(&[row(100, 3.0), row(1_000_000, 5.0)]).unwrap();
        assert_eq!(svg.matches("<circle").count(), 2);
        assert!(svg.contains(">1000000<") && svg.contains(">5.0<"), "{svg}");
        assert!(render(&[row(100, 3.0)]).is_none());
    }
}
