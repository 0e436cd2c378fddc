//! One measured figure.

use serde::Serialize;

/// A figure, and whether it is what it should be. Serialises to an object with exactly these names.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Row {
    /// The measurement that it belongs to, such as `store`.
    pub bench: String,
    /// What was done, with sizes and numbers of clients, such as `commit 1 KiB, 64 writers`.
    pub case: String,
    /// What was counted, such as `durable commits`.
    pub metric: String,
    /// The figure, in [`unit`](Row::unit)s.
    pub value: f64,
    /// The unit, such as `1/s`, `ms` or `MiB`.
    pub unit: String,
    /// The bound that the value should keep, if there is one.
    pub aim: Option<f64>,
    /// Whether the value keeps it; nothing where there is no aim.
    pub met: Option<bool>,
}

impl Row {
    /// A figure without an aim.
    pub fn new(bench: &str, case: impl Into<String>, metric: &str, value: f64, unit: &str) -> Row {
        Row {
            bench: bench.to_owned(),
            case: case.into(),
            metric: metric.to_owned(),
            value,
            unit: unit.to_owned(),
            aim: None,
            met: None,
        }
    }

    /// The same figure, which should be `aim` or more.
    pub fn at_least(self, aim: f64) -> Row {
        Row { aim: Some(aim), met: Some(self.value >= aim), ..self }
    }

    /// The same figure, which should be `aim` or less.
    pub fn at_most(self, aim: f64) -> Row {
        Row { aim: Some(aim), met: Some(self.value <= aim), ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(value: f64) -> Row {
        Row::new("store", "commit 1 KiB", "durable commits", value, "1/s")
    }

    #[test]
    fn an_aim_is_met_from_its_own_side() {
        assert_eq!(row(10.0).at_least(10.0).met, Some(true));
        assert_eq!(row(9.0).at_least(10.0).met, Some(false));
        assert_eq!(row(10.0).at_most(10.0).met, Some(true));
        assert_eq!(row(11.0).at_most(10.0).met, Some(false));
        assert_eq!(row(f64::NAN).at_least(10.0).met, Some(false));
    }

    #[test]
    fn a_row_is_an_object_with_all_names_and_null_for_no_aim() {
        assert_eq!(
            serde_json::to_value(row(2.5)).unwrap(),
            serde_json::json!({
                "bench": "store", "case": "commit 1 KiB", "metric": "durable commits",
                "value": 2.5, "unit": "1/s", "aim": null, "met": null,
            })
        );
    }
}
