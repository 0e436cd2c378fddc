//! The least that an object of each kind can be, with what `kubectl` calls it and how its wide table is headed.

/// A kind as a test goes through it.
pub struct Sample {
    /// The name for commands.
    pub resource: &'static str,
    /// The heading of `get -o wide`.
    pub heading: &'static str,
    /// All of the manifest but the name, which is `sample`.
    pub manifest: &'static str,
}

const fn sample(resource: &'static str, heading: &'static str, manifest: &'static str) -> Sample {
    Sample { resource, heading, manifest }
}

const ROLE_BINDING: &str = "NAME ROLE AGE USERS GROUPS SERVICEACCOUNTS";

/// The kinds beside those that the other tests are about.
pub const SAMPLES: &[Sample] = &[
    sample(
        "statefulset",
        "NAME READY AGE CONTAINERS IMAGES",
        "apiVersion: apps/v1
kind: StatefulSet
spec:
  serviceName: sample
  selector: {matchLabels: {a: b}}
  template: {metadata: {labels: {a: b}}, spec: {containers: [{name: c, image: i}]}}
  volumeClaimTemplates:
  - metadata: {name: data}
    spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
",
    ),
    sample(
        "daemonset",
        "NAME DESIRED CURRENT READY UP-TO-DATE AVAILABLE NODE SELECTOR AGE CONTAINERS IMAGES SELECTOR",
        "apiVersion: apps/v1
kind: DaemonSet
spec:
  selector: {matchLabels: {a: b}}
  template: {metadata: {labels: {a: b}}, spec: {containers: [{name: c, image: i}]}}
",
    ),
    sample(
        "controllerrevision",
        "NAME CONTROLLER REVISION AGE",
        "apiVersion: apps/v1
kind: ControllerRevision
revision: 1
data: {a: b}
",
    ),
    sample(
        "job",
        "NAME STATUS COMPLETIONS DURATION AGE CONTAINERS IMAGES SELECTOR",
        "apiVersion: batch/v1
kind: Job
spec:
  template: {spec: {containers: [{name: c, image: i}], restartPolicy: Never}}
",
    ),
    sample(
        "cronjob",
        "NAME SCHEDULE TIMEZONE SUSPEND ACTIVE LAST SCHEDULE AGE CONTAINERS IMAGES SELECTOR",
        "apiVersion: batch/v1
kind: CronJob
spec:
  schedule: '0 3 * * *'
  jobTemplate: {spec: {template: {spec: {containers: [{name: c, image: i}], restartPolicy: Never}}}}
",
    ),
    sample(
        "horizontalpodautoscaler",
        "NAME REFERENCE TARGETS MINPODS MAXPODS REPLICAS AGE",
        "apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
spec: {maxReplicas: 3, scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}}
",
    ),
    sample(
        "poddisruptionbudget",
        "NAME MIN AVAILABLE MAX UNAVAILABLE ALLOWED DISRUPTIONS AGE",
        "apiVersion: policy/v1
kind: PodDisruptionBudget
spec: {minAvailable: 1, selector: {matchLabels: {a: b}}}
",
    ),
    sample(
        "priorityclass",
        "NAME VALUE GLOBAL-DEFAULT AGE PREEMPTIONPOLICY",
        "apiVersion: scheduling.k8s.io/v1
kind: PriorityClass
value: 5
",
    ),
    sample(
        "persistentvolume",
        "NAME CAPACITY ACCESS MODES RECLAIM POLICY STATUS CLAIM STORAGECLASS VOLUMEATTRIBUTESCLASS REASON AGE VOLUMEMODE",
        "apiVersion: v1
kind: PersistentVolume
spec: {capacity: {storage: 1Gi}, accessModes: [ReadWriteOnce], hostPath: {path: /x}}
",
    ),
    sample(
        "persistentvolumeclaim",
        "NAME STATUS VOLUME CAPACITY ACCESS MODES STORAGECLASS VOLUMEATTRIBUTESCLASS AGE VOLUMEMODE",
        "apiVersion: v1
kind: PersistentVolumeClaim
spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
",
    ),
    sample(
        "podtemplate",
        "NAME CONTAINERS IMAGES POD LABELS",
        "apiVersion: v1
kind: PodTemplate
template: {metadata: {labels: {a: b}}, spec: {containers: [{name: c, image: i}]}}
",
    ),
    sample(
        "limitrange",
        "NAME CREATED AT",
        "apiVersion: v1
kind: LimitRange
spec: {limits: [{type: Container, max: {cpu: '2'}}]}
",
    ),
    sample(
        "resourcequota",
        "NAME REQUEST LIMIT AGE",
        "apiVersion: v1
kind: ResourceQuota
spec: {hard: {pods: '10'}}
",
    ),
    sample(
        "storageclass",
        "NAME PROVISIONER RECLAIMPOLICY VOLUMEBINDINGMODE ALLOWVOLUMEEXPANSION AGE",
        "apiVersion: storage.k8s.io/v1
kind: StorageClass
provisioner: example.com/disk
",
    ),
    sample(
        "ingress",
        "NAME CLASS HOSTS ADDRESS PORTS AGE",
        "apiVersion: networking.k8s.io/v1
kind: Ingress
spec:
  rules:
  - host: web.example
    http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: web, port: {number: 80}}}}]}
",
    ),
    sample(
        "ingressclass",
        "NAME CONTROLLER PARAMETERS AGE",
        "apiVersion: networking.k8s.io/v1
kind: IngressClass
spec: {controller: example.com/edge}
",
    ),
    sample(
        "networkpolicy",
        "NAME POD-SELECTOR AGE",
        "apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
spec: {podSelector: {}, ingress: [{from: [{podSelector: {}}]}]}
",
    ),
    sample(
        "runtimeclass",
        "NAME HANDLER AGE",
        "apiVersion: node.k8s.io/v1
kind: RuntimeClass
handler: gvisor
",
    ),
    sample(
        "role",
        "NAME CREATED AT",
        "apiVersion: rbac.authorization.k8s.io/v1
kind: Role
rules: [{verbs: [get], apiGroups: [''], resources: [pods]}]
",
    ),
    sample(
        "rolebinding",
        ROLE_BINDING,
        "apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: sample}
subjects: [{kind: User, name: ann, apiGroup: rbac.authorization.k8s.io}]
",
    ),
    sample(
        "clusterrole",
        "NAME CREATED AT",
        "apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
rules: [{verbs: [get], nonResourceURLs: [/healthz]}]
",
    ),
    sample(
        "clusterrolebinding",
        ROLE_BINDING,
        "apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: sample}
subjects: [{kind: ServiceAccount, name: bot, namespace: shop}]
",
    ),
];

/// All of them in one file.
pub fn all() -> String {
    let named = |sample: &Sample| format!("metadata: {{name: sample}}\n{}", sample.manifest);
    SAMPLES.iter().map(named).collect::<Vec<_>>().join("---\n")
}
