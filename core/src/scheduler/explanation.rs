//! Why a scheduler decides as it does, as data and as a table.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::Rejection;

/// What every filter and score says of every node for one pod. The nodes that can take the pod come first, the best
/// foremost.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Explanation {
    /// The pod's namespace and name.
    pub pod: String,
    /// Every node.
    pub nodes: Vec<NodeExplanation>,
}

/// What every filter and score says of one node.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NodeExplanation {
    /// The node's name.
    pub node: String,
    /// What each filter has against it; nothing when it can take the pod.
    pub rejections: Vec<Rejection>,
    /// The sum of all points, for a node that can take the pod.
    pub total: Option<i64>,
    /// The weighted points of each score.
    pub scores: Vec<Points>,
}

/// What one score gives a node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Points {
    /// The score's name.
    pub plugin: String,
    /// Its points, weighted.
    pub points: i64,
}

impl Explanation {
    /// Puts the nodes in order.
    pub fn sort(&mut self) {
        self.nodes.sort_by(|a, b| b.total.cmp(&a.total).then_with(|| a.node.cmp(&b.node)));
    }
}

impl fmt::Display for Explanation {
    /// A table: a line for each node, and a column for each score.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let points = || self.nodes.iter().flat_map(|node| &node.scores);
        let scores: Vec<&str> =
            points().map(|points| points.plugin.as_str()).collect::<BTreeSet<_>>().into_iter().collect();
        let mut lines = vec![vec!["NODE".to_owned(), "TOTAL".to_owned()]];
        lines[0].extend(scores.iter().map(|score| (*score).to_owned()));
        lines[0].push("REJECTED BY".to_owned());
        for node in &self.nodes {
            let mut line =
                vec![node.node.clone(), node.total.map_or("-".to_owned(), |total| total.to_string())];
            line.extend(scores.iter().map(|score| {
                let given = node.scores.iter().find(|points| points.plugin == *score);
                given.map_or("-".to_owned(), |points| points.points.to_string())
            }));
            let rejections = node.rejections.iter().map(|why| format!("{}: {}", why.filter, why.reason));
            line.push(rejections.collect::<Vec<_>>().join("; "));
            lines.push(line);
        }
        let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(0);
        let widths: Vec<usize> = (0..lines[0].len()).map(width).collect();
        for line in &lines {
            let cells = line.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
            writeln!(f, "{}", cells.collect::<Vec<_>>().join("  ").trim_end())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_has_a_line_for_each_node_with_the_best_first() {
        let open = |name: &str, total| NodeExplanation {
            node: name.to_owned(),
            total: Some(total),
            scores: vec![Points { plugin: "NodeAffinity".to_owned(), points: total }],
            ..NodeExplanation::default()
        };
        let rejection = Rejection {
            filter: "NodeName".to_owned(),
            reason: "another was asked for".to_owned(),
            eviction_helps: false,
        };
        let closed = NodeExplanation {
            node: "c".to_owned(),
            rejections: vec![rejection],
            ..NodeExplanation::default()
        };
        let mut explanation =
            Explanation { pod: "default/p".to_owned(), nodes: vec![closed, open("a", 5), open("b", 100)] };
        explanation.sort();
        let expected = "NODE  TOTAL  NodeAffinity  REJECTED BY\n\
                        b     100    100\n\
                        a     5      5\n\
                        c     -      -             NodeName: another was asked for\n";
        assert_eq!(explanation.to_string(), expected);
        let json = serde_json::to_string(&explanation).unwrap();
        assert_eq!(serde_json::from_str::<Explanation>(&json).unwrap(), explanation);
    }
}
