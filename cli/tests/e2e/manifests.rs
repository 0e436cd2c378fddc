//! The manifests that several tests apply.

/// A pod with one container that runs a shell script, and that goes at once when told to.
pub fn pod(name: &str, script: &str) -> String {
    pod_with(name, script, "")
}

/// The same with further lines of the container, indented by four spaces.
pub fn pod_with(name: &str, script: &str, container: &str) -> String {
    format!(
        r#"
apiVersion: v1
kind: Pod
metadata:
  name: {name}
  labels:
    app: {name}
spec:
  terminationGracePeriodSeconds: 1
  containers:
  - name: main
    image: bireme.dev/busybox:1
    command: ["sh", "-c", "{script}"]
{container}"#
    )
}

/// A Deployment of the shop's second tier without its stock: it answers `/readyz` and `/healthz`, is ready
/// within a second, and goes at once.
pub fn deployment(name: &str, replicas: u32, strategy: &str) -> String {
    format!(
        r#"
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {name}
  labels:
    app: {name}
spec:
  replicas: {replicas}
  strategy: {strategy}
  selector:
    matchLabels:
      app: {name}
  template:
    metadata:
      labels:
        app: {name}
    spec:
      terminationGracePeriodSeconds: 2
      containers:
      - name: shop
        image: bireme.dev/shop:1
        command: ["/shop", "api"]
        env:
        - name: DRAIN_SECONDS
          value: "0"
        ports:
        - name: http
          containerPort: 8080
        readinessProbe:
          httpGet:
            path: /readyz
            port: http
          periodSeconds: 1
"#
    )
}

/// The usual strategy of a Deployment.
pub const ROLLING: &str = "{type: RollingUpdate}";
