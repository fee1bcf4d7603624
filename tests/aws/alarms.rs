//! What the alarms look at.

use serde_json::{Value, json};

use crate::deployment::{Deployment, PREFIX};

impl Deployment {
    /// An alarm, as it was deployed.
    pub(crate) async fn alarm(&self, name: &str) -> Value {
        let asked = json!({ "AlarmNames": [format!("{PREFIX}{name}")] });
        let found = self.json("monitoring", "GraniteServiceVersion20100801.DescribeAlarms", &asked).await;
        found["MetricAlarms"][0].clone()
    }

    /// The sum of an alarm's metric, from its beginning on. The emulator keeps those of Lambda only.
    pub(crate) async fn sum(&self, alarm: &str) -> f64 {
        let alarm = self.alarm(alarm).await;
        let asked = json!({
            "Namespace": alarm["Namespace"],
            "MetricName": alarm["MetricName"],
            "Dimensions": alarm["Dimensions"],
            "Statistics": ["Sum"],
            "Period": 86_400,
            "StartTime": 0,
            "EndTime": 4_102_444_800_u64,
        });
        let found = self.json("monitoring", "GraniteServiceVersion20100801.GetMetricStatistics", &asked).await;
        found["Datapoints"].as_array().unwrap().iter().map(|point| point["Sum"].as_f64().unwrap()).sum()
    }

    /// What a function has counted for an alarm: the lines of its log that CloudWatch makes this metric from.
    pub(crate) async fn counted(&self, function: &str, alarm: &str) -> Vec<Value> {
        let alarm = self.alarm(alarm).await;
        let metric = alarm["MetricName"].as_str().unwrap();
        let lines = self.logged(function, &format!("\"{metric}\":")).await;
        let lines = lines.iter().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        lines.filter(|line| is_of(line, &alarm)).map(|line| line[metric].clone()).collect()
    }
}

/// Whether a line of the embedded metric format is of an alarm's metric: its namespace, its name, and all of its dimensions.
fn is_of(line: &Value, alarm: &Value) -> bool {
    let has = |metrics: &Value| {
        let named = |metric: &Value| metric["Name"] == alarm["MetricName"];
        metrics["Namespace"] == alarm["Namespace"] && metrics["Metrics"].as_array().unwrap().iter().any(named)
    };
    let dimensions = alarm["Dimensions"].as_array().unwrap();
    let mut names: Vec<_> = dimensions.iter().map(|dimension| dimension["Name"].as_str().unwrap()).collect();
    names.sort_unstable();
    let declares = |metrics: &Value| {
        metrics["Dimensions"].as_array().unwrap().iter().any(|declared| {
            let mut declared: Vec<_> = declared.as_array().unwrap().iter().filter_map(Value::as_str).collect();
            declared.sort_unstable();
            declared == names
        })
    };
    let values = dimensions.iter().all(|dimension| line[dimension["Name"].as_str().unwrap()] == dimension["Value"]);
    let directives = line["_aws"]["CloudWatchMetrics"].as_array();
    values && directives.is_some_and(|all| all.iter().any(|metrics| has(metrics) && declares(metrics)))
}
