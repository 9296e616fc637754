"""The commands of kubectl_test: each row is a command, its exit code and what it must say (regular expressions).

$NS stands for the table's namespace, which is also kubectl's current one. `since` and `before` bound the releases that a
row is for (1.20 knows fewer flags), `within` asks again for so many seconds, `editor` is $EDITOR, `input` goes to stdin.
"""


def ok(command, *says, **more):
    return {"run": command, "says": says, **more}


def fails(command, *says, **more):
    return {"run": command, "code": 1, "says": says, **more}


WEB = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, labels: {app: web}}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers: [{name: c, image: "busybox:1", ports: [{containerPort: 80, name: http}], env: [{name: A, value: b}]}]
"""
SERVICE = """
apiVersion: v1
kind: Service
metadata: {name: web, labels: {app: web}}
spec: {selector: {app: web}, ports: [{port: 80, targetPort: http}]}
"""
MAP = """
apiVersion: v1
kind: ConfigMap
metadata: {name: web-settings, labels: {app: web}}
data: {a: "1"}
"""
UNKNOWN_FIELDS = WEB.replace("name: web,", "name: unknown,").replace("  replicas: 2", "  replicas: 2\n  bogus: 1").replace(
    "ports: [", "prots: [")

MANIFESTS = {
    "all.yaml": "---".join([WEB, SERVICE, MAP]),
    "all-2.yaml": "---".join([WEB.replace("busybox:1", "busybox:9"), SERVICE, MAP]),
    "web.yaml": WEB,
    "map.yaml": MAP,
    "map-2.yaml": MAP.replace('"1"', '"2"'),
    "wrong-type.yaml": WEB.replace("replicas: 2", "replicas: two"),
    "unknown-fields.yaml": UNKNOWN_FIELDS,
    "invalid-pod.yaml": 'apiVersion: v1\nkind: Pod\nmetadata: {name: p}\n'
                        'spec: {containers: [{name: X, image: ""}], restartPolicy: Foo}\n',
    "role.yaml": "apiVersion: rbac.authorization.k8s.io/v1\nkind: Role\nmetadata: {name: kept, namespace: $NS}\n"
                 "rules: [{apiGroups: [''], resources: [pods], verbs: [get]}]\n",
}

CREATE = [
    ok("create deployment d --image=nginx:1 --replicas=2 --port=80", "deployment.apps/d created"),
    fails("create deployment d --image=nginx:1", 'deployments.apps "d" already exists'),
    ok("create configmap m --from-literal=a=1 --from-file=h=/etc/hostname", "configmap/m created"),
    ok("create secret generic s --from-literal=p=q", "secret/s created"),
    ok("create secret docker-registry pull --docker-username=u --docker-password=p --docker-email=e@x", "created"),
    ok("create serviceaccount bot", "serviceaccount/bot created"),
    ok("create role reader --verb=get,list --resource=pods,deployments.apps,pods/log", "created"),
    ok("create rolebinding readers --role=reader --serviceaccount=$NS:bot --user=bob", "created"),
    ok("create clusterrole $NS --verb=get --resource=nodes", "created"),
    ok("create clusterrolebinding $NS --clusterrole=$NS --group=watchers", "created"),
    ok("create service clusterip sc --tcp=80:8080", "service/sc created"),
    ok("create service nodeport sn --tcp=80:8080", "service/sn created"),
    ok("create service externalname se --external-name=example.com", "service/se created"),
    ok("create token bot --duration=10m", r"^ey[\w-]+\.[\w-]+\.[\w-]+", since="1.24"),
    ok("run p --image=busybox --labels=a=b --env=X=y --restart=Never -- sleep 100", "pod/p created"),
    ok("run served --image=busybox --port=80 --expose", "service/served created", "pod/served created"),
    ok("run dry --image=busybox --dry-run=server -o yaml", "name: dry", "schedulerName: default-scheduler"),
    ok("expose deployment d --port=80 --target-port=8080 --name=front --type=NodePort", "service/front exposed"),
    fails("create configmap Bad_Name! --from-literal=a=1", "a lowercase RFC 1123 subdomain must consist of"),
    fails("create namespace Bad_Name", "a lowercase RFC 1123 label must consist of"),
    fails("create configmap big --from-file=big", "Request entity too large: limit is 3145728"),
    ok("rollout status deployment/d --timeout=20s", "successfully rolled out"),
    ok("get all", "pod/d-", "service/sc", "deployment.apps/d +2/2", "replicaset.apps/d-"),
    ok("delete clusterrole/$NS clusterrolebinding/$NS", "deleted"),
]

GET = [
    ok("apply -f all.yaml", "deployment.apps/web created", "service/web created", "configmap/web-settings created"),
    ok("wait --for=condition=Available deployment/web --timeout=20s", "condition met"),
    ok("get deployment web -o wide", r"NAME +READY +UP-TO-DATE +AVAILABLE +AGE +CONTAINERS +IMAGES +SELECTOR",
       r"web +2/2 +2 +2 +\S+ +c +busybox:1 +app=web"),
    ok("get pods -o wide", "NAME +READY +STATUS +RESTARTS +AGE +IP +NODE +NOMINATED NODE +READINESS GATES",
       r"web-\S+ +1/1 +Running +0 +\S+ +100\.\S+ +sim-\d"),
    ok("get endpoints,endpointslices", r"endpoints/web +100\.\S+:80,100\.\S+:80", r"endpointslice\S+/web-\S+ +IPv4 +80"),
    ok("get configmap web-settings -o yaml", "^kind: ConfigMap", "^  namespace: $NS"),
    ok("get configmap web-settings -o json", '"kind": "ConfigMap"'),
    ok("get services -o jsonpath={.items[*].metadata.name}", "^web$"),
    ok("get services -o custom-columns=N:.metadata.name,T:.spec.type", "N +T", "web +ClusterIP"),
    ok("get services -o name --field-selector=metadata.name=web", "^service/web$"),
    ok("get services -A --sort-by=.metadata.creationTimestamp", "default +kubernetes"),
    ok("get pods --chunk-size=1", r"web-\S+ .*\n.*web-\S+ "),
    ok("get pods -L app --show-labels", "APP +LABELS", "web +app=web,pod-template-hash="),
    ok("get pods -l 'app in (web),!other' -o name", "^pod/web-"),
    ok("get pods --field-selector=status.phase=Running,spec.nodeName!=x -o name", "^pod/web-"),
    ok("get pods -l app=nothing", "No resources found in $NS namespace."),
    ok("get pods --watch --request-timeout=2s", r"web-\S+ +1/1", within=10),
    ok("get events", "ScalingReplicaSet +deployment/web +Scaled up replica set web-"),
    ok("events", "Deployment/web", since="1.27"),
    ok("get --raw /apis/apps/v1/namespaces/$NS/deployments/web/scale", '"kind":"Scale"'),
    fails("get pods -l 'app in ('", r"unable to parse requirement: found '', expected: ',', or '\)'"),
    fails("get pods --field-selector=status.bogus=1", "field label not supported: status.bogus"),
    fails("get bogus", 'the server doesn\'t have a resource type "bogus"'),
    fails("get pods absent", r'Error from server \(NotFound\): pods "absent" not found'),
    fails("get --raw /absent", "the server could not find the requested resource"),
]

APPLY = [
    ok("apply -f all.yaml", "deployment.apps/web created"),
    ok("apply -f all.yaml", "deployment.apps/web unchanged", "service/web unchanged", "configmap/web-settings unchanged"),
    ok("apply -f map-2.yaml", "configmap/web-settings configured"),
    ok("apply view-last-applied configmap/web-settings", "a: \"2\""),
    ok("apply -f map.yaml --dry-run=server", r"configured \(server dry run\)"),
    fails("diff -f map.yaml", r'^-  a: "2"', r'^\+  a: "1"'),
    ok("diff -f map-2.yaml"),
    ok("apply -f all.yaml --prune -l app=web --prune-whitelist=core/v1/ConfigMap --prune-whitelist=core/v1/Service",
       before="1.26"),
    ok("apply -f web.yaml --prune -l app=web --prune-allowlist=core/v1/ConfigMap --prune-allowlist=core/v1/Service",
       "configmap/web-settings pruned", "service/web pruned", since="1.26"),
    ok("delete -f web.yaml", 'deployment.apps "web" deleted'),
    ok("apply --server-side -f all.yaml", "deployment.apps/web serverside-applied"),
    ok("apply --server-side -f all.yaml", "deployment.apps/web serverside-applied"),
    fails("apply --server-side -f all-2.yaml --field-manager=other",
          "Apply failed with 1 conflict: conflict with \"kubectl\"",
          r'\.spec\.template\.spec\.containers\[name="c"\]\.image'),
    ok("apply --server-side -f all-2.yaml --field-manager=other --force-conflicts", "serverside-applied"),
    ok("get deployment web -o jsonpath={.spec.template.spec.containers[0].image}", "^busybox:9$"),
    ok("replace -f all.yaml", "deployment.apps/web replaced", "service/web replaced", before="1.21"),
    ok("replace -f all.yaml", "deployment.apps/web replaced", "service/web replaced", "configmap/web-settings replaced",
       since="1.26"),
    ok("replace --force -f web.yaml", 'deployment.apps "web" deleted', "deployment.apps/web replaced"),
    ok("delete -f all.yaml", 'deployment.apps "web" deleted'),
    fails("replace -f map.yaml", r'\(NotFound\).*configmaps "web-settings" not found'),
]

VALIDATE = [
    fails("apply -f wrong-type.yaml", "invalid type for io.k8s.api.apps.v1.DeploymentSpec.replicas: got \"string\"",
          before="1.21"),
    fails("apply -f wrong-type.yaml",
          "cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of type int32", since="1.27"),
    fails("apply -f wrong-type.yaml --validate=false", r"\(BadRequest\)", "cannot unmarshal string into Go struct field"),
    fails("apply -f unknown-fields.yaml", 'unknown field "bogus" in io.k8s.api.apps.v1.DeploymentSpec', before="1.21"),
    fails("apply -f unknown-fields.yaml", 'strict decoding error: unknown field "spec.bogus", unknown field '
          r'"spec.template.spec.containers\[0\].prots"', since="1.27"),
    fails("apply --server-side -f unknown-fields.yaml", 'unknown field "bogus"', before="1.21"),
    fails("apply --server-side -f unknown-fields.yaml", "spec.bogus: field not declared in schema", since="1.27"),
    ok("create -f unknown-fields.yaml --validate=warn", 'Warning: unknown field "spec.bogus"', "created", since="1.27"),
    ok("apply -f unknown-fields.yaml --validate=false", "deployment.apps/unknown (created|configured|unchanged)"),
    fails("create -f invalid-pod.yaml", r'spec.containers\[0\].name: Invalid value: "X"',
          r"spec.containers\[0\].image: Required value", 'spec.restartPolicy: Unsupported value: "Foo"'),
    fails("create -f -", 'no matches for kind "Foo" in version "v1"',
          input="apiVersion: v1\nkind: Foo\nmetadata: {name: x}\n"),
    fails("create -f -", "error parsing STDIN", input="apiVersion: v1\nkind: ConfigMap\n\tx: 1"),
    fails("create -f -", "error parsing STDIN", input='{"apiVersion": "v1", "kind": "ConfigMap", '),
]

CHANGE = [
    ok("apply -f all.yaml", "created"),
    ok("label deployment web tier=x", "deployment.apps/web labeled"),
    fails("label deployment web tier=y", "already has a value"),
    ok("label deployment web tier=y --overwrite", "labeled"),
    ok("label deployment web tier-", "(un)?labeled"),
    fails("label deployment web 'bad key=1'", "name part must consist of alphanumeric characters"),
    ok("annotate deployment --all note=hi", "annotated?"),
    ok("scale deployment web --replicas=3", "deployment.apps/web scaled"),
    fails("scale deployment web --replicas=1 --current-replicas=5", "Expected replicas to be 5, was 3"),
    ok("set image deployment/web c=busybox:2", "image updated"),
    fails("set image deployment/web absent=busybox:2", 'unable to find container named "absent"'),
    ok("set env deployment/web B=c A-", "env updated"),
    ok("set env deployment/web --list", "^B=c$"),
    ok("set resources deployment/web --limits=cpu=200m,memory=512Mi --requests=cpu=100m", "resource requirements updated"),
    ok("set serviceaccount deployment web default", "serviceaccount updated"),
    ok("set selector service web app=other", "selector updated"),
    ok("patch deployment web -p '{\"spec\":{\"replicas\":4}}'", "patched"),
    ok("patch deployment web --type=merge -p '{\"spec\":{\"replicas\":1}}'", "patched"),
    ok("patch deployment web --type=json -p '[{\"op\":\"replace\",\"path\":\"/spec/replicas\",\"value\":2}]'", "patched"),
    ok("patch deployment web -p '{\"spec\":{\"template\":{\"spec\":{\"containers\":[{\"name\":\"d\",\"image\":\"e\"}]}}}}'"),
    ok("get deployment web -o jsonpath={.spec.template.spec.containers[*].name}", "^d c$"),
    fails("patch deployment web --type=json -p '[{\"op\":\"test\",\"path\":\"/spec/replicas\",\"value\":7}]'",
          "The request is invalid"),
    fails("patch deployment web -p '{\"spec\":{\"replicas\":\"x\"}}'", "cannot unmarshal string"),
    fails("patch deployment web -p '{\"spec\":{\"selector\":{\"matchLabels\":{\"q\":\"r\"}}}}'", "field is immutable"),
    fails("patch service web -p '{\"spec\":{\"clusterIP\":\"10.96.0.77\"}}'", "may not change once set"),
    ok("patch deployment web --subresource=status --type=merge -p '{\"status\":{\"observedGeneration\":1}}'", "patched",
       since="1.24"),
    ok("edit deployment web", "deployment.apps/web edited", editor="sed -i 's/replicas: 2/replicas: 3/'"),
    ok("get deployment web -o jsonpath={.spec.replicas}", "^3$"),
    ok("edit deployment web", "Edit cancelled, no changes made", editor="true"),
    fails("edit deployment web", "is invalid|could not be patched", editor="sed -i 's/replicas: 3/replicas: x/'"),
]

ROLLOUT = [
    ok("apply -f web.yaml", "created"),
    ok("rollout status deployment/web --timeout=20s", 'deployment "web" successfully rolled out'),
    ok("set image deployment/web c=busybox:2", "image updated"),
    ok("rollout status deployment/web --timeout=20s", "successfully rolled out"),
    ok("rollout history deployment/web", "REVISION +CHANGE-CAUSE", "^1 +<none>", "^2 +<none>"),
    ok("rollout history deployment/web --revision=2", r"with revision #2", "busybox:2"),
    ok("rollout undo deployment/web", "rolled back"),
    ok("rollout status deployment/web --timeout=20s", "successfully rolled out"),
    ok("get deployment web -o jsonpath={.spec.template.spec.containers[0].image}", "^busybox:1$"),
    ok("rollout history deployment/web", "^2 +<none>\n3 +<none>", within=5),
    ok("rollout undo deployment/web --to-revision=2", "rolled back"),
    fails("rollout undo deployment/web --to-revision=99", "unable to find specified revision 99 in history"),
    ok("rollout restart deployment/web", "deployment.apps/web restarted"),
    ok("rollout pause deployment/web", "deployment.apps/web paused"),
    fails("rollout pause deployment/web", "is already paused"),
    fails("rollout undo deployment/web", "cannot rollback a paused deployment"),
    ok("rollout resume deployment/web", "deployment.apps/web resumed"),
    ok("rollout status deployment/web --timeout=20s", "successfully rolled out"),
    ok("wait --for=condition=Ready pod -l app=web --timeout=20s", r"pod/web-\S+ condition met", within=20),
    fails("wait --for=condition=Bogus deployment/web --timeout=1s", "timed out waiting for the condition"),
    ok("wait --for=jsonpath={.spec.replicas}=2 deployment/web --timeout=5s", "condition met", since="1.23"),
]

DELETE = [
    ok("create configmap m --from-literal=a=1", "created"),
    ok("delete configmap m --dry-run=server", r'configmap "m" deleted.*\(server dry run\)'),
    ok("delete configmap m", 'configmap "m" deleted'),
    fails("delete configmap m", r'\(NotFound\): configmaps "m" not found'),
    ok("delete configmap m --ignore-not-found"),
    ok("delete configmap -l nothing=here", "No resources found"),
    ok("run p --image=busybox", "created"),
    ok("run q --image=busybox", "created"),
    ok("delete pod p --grace-period=0 --force", 'pod "p" force deleted'),
    ok("delete pod q --grace-period=1", 'pod "q" deleted'),
    fails("get pod p q", 'pods "q" not found'),
    ok("apply -f all.yaml", "created"),
    ok("rollout status deployment/web --timeout=20s", "successfully rolled out"),
    ok("delete deployment web --cascade=orphan", "deleted"),
    ok("get replicasets,pods -o name", "^replicaset.apps/web-", "^pod/web-"),
    ok("get replicasets -o jsonpath={.items[*].metadata.ownerReferences}", "^$"),
    ok("apply -f web.yaml", "created"),
    ok("get replicasets -o jsonpath={.items[*].metadata.ownerReferences[0].name}", "^web$", within=10),
    ok("delete deployment web --cascade=foreground", "deleted"),
    ok("get replicasets,pods", "No resources found"),
    ok("apply -f web.yaml", "created"),
    ok("delete deployment web --cascade=background --wait=false", "deleted"),
    ok("get replicasets,pods", "No resources found", within=20),
    ok("create namespace $NS-b", "created"),
    ok("-n $NS-b create configmap m", "created"),
    ok("delete namespace $NS-b", "deleted"),
    fails("get namespace $NS-b", "not found"),
]

DISCOVER = [
    ok("version", "1.36|v1.36"),
    ok("cluster-info", "is running at"),
    ok("config view", "certificate-authority-data: DATA\\+OMITTED"),
    ok("api-versions", "^v1$", "^apps/v1$", "^rbac.authorization.k8s.io/v1$", "^discovery.k8s.io/v1$"),
    ok("api-resources", "^deployments +deploy +apps/v1 +true +Deployment", "^nodes +no +v1 +false +Node"),
    ok("api-resources --namespaced=false --verbs=list -o name", "^namespaces$", "^nodes$"),
    ok("explain deployment", "KIND: +Deployment", "spec\t<"),
    ok("explain deployment.spec.strategy.rollingUpdate", "maxSurge"),
    ok("explain pod.spec.containers --recursive", "livenessProbe\t<", "imagePullPolicy\t<"),
    fails("explain pods.spec.bogus", 'field "bogus" does not exist'),
    fails("top nodes", "Metrics API not available"),
    fails("top pods", "Metrics API not available"),
]

ACCESS = [
    ok("create role reader --verb=get,list --resource=pods", "created"),
    ok("create rolebinding readers --role=reader --user=bob", "created"),
    ok("auth can-i create deployments", "^yes"),
    ok("auth can-i list pods --as=bob", "^yes"),
    fails("auth can-i delete pods --as=bob", "^no"),
    ok("auth can-i --list --as=bob", r"^pods +\[\] +\[\] +\[get list\]", "^selfsubjectaccessreviews.authorization.k8s.io"),
    ok("get pods --as=bob", "No resources found"),
    fails("get secrets --as=bob", r'\(Forbidden\): secrets is forbidden: User "bob" cannot list resource "secrets" in API '
          r'group "" in the namespace "\$NS"'.replace(r"\$NS", "$NS")),
    ok("auth whoami", "Username +kubernetes-admin", r"Groups +\[system:masters system:authenticated\]", since="1.28"),
    ok("auth reconcile -f -", "reconciled", input=MANIFESTS["role.yaml"]),
    ok("set subject rolebinding readers --user=jim", "subjects updated"),
    ok("get pods --as=jim", "No resources found", within=5),
]

NODES = [
    ok("get nodes", r"NAME +STATUS +ROLES +AGE +VERSION", r"sim-0 +Ready +<none> +\S+ +v1\.36"),
    ok("apply -f web.yaml", "created"),
    ok("rollout status deployment/web --timeout=20s", "successfully rolled out"),
    ok("cordon sim-0", "node/sim-0 cordoned"),
    ok("get node sim-0", "Ready,SchedulingDisabled"),
    ok("drain sim-0 --ignore-daemonsets --timeout=20s --pod-selector=app=web",
       "node/sim-0 (drained|evicted|already cordoned)"),
    ok("get pods -l app=web --field-selector=spec.nodeName=sim-0", "No resources found"),
    ok("uncordon sim-0", "node/sim-0 uncordoned"),
    ok("taint nodes sim-1 a=b:NoSchedule", "node/sim-1 tainted"),
    fails("taint nodes sim-1 a=b:NoSchedule", "already has"),
    ok("describe node sim-1", "Taints: +a=b:NoSchedule", "HolderIdentity: +sim-1", "Ready +True"),
    ok("taint nodes sim-1 a-", "node/sim-1 untainted"),
    fails("logs deployment/web", "Error from server"),
    fails("exec deployment/web -- true", r"Error from server.*: \S+|unable to upgrade connection: \S+|error: .*\S"),
]

DESCRIBE = [
    ok("apply -f all.yaml", "created"),
    ok("rollout status deployment/web --timeout=20s", "successfully rolled out"),
    ok("create secret generic s --from-literal=p=q", "created"),
    ok("create role reader --verb=get --resource=pods", "created"),
    ok("create rolebinding readers --role=reader --user=bob", "created"),
    ok("describe deployment web", "Replicas: +2 desired \\| 2 updated \\| 2 total \\| 2 available \\| 0 unavailable",
       "Available +True +MinimumReplicasAvailable", "NewReplicaSet: +web-", "ScalingReplicaSet"),
    ok("describe replicaset", "Controlled By: +Deployment/web", "SuccessfulCreate"),
    ok("describe pods", "Controlled By: +ReplicaSet/web-", "Status: +Running", "Successfully assigned $NS/web-",
       "QoS Class: +BestEffort"),
    ok("describe service web", "Selector: +app=web", "TargetPort: +http/TCP", r"Endpoints: +100\."),
    ok("describe endpoints web", r"Addresses: +100\."),
    ok("describe endpointslices", "AddressType: +IPv4", "TargetRef: +Pod/web-", since="1.22"),
    ok("describe configmap web-settings", "^a:"),
    ok("describe secret s", "p: +1 bytes"),
    ok("describe serviceaccount default", "Name: +default"),
    ok("describe namespace $NS", "Status: +Active"),
    ok("describe role reader", r"pods +\[\] +\[\] +\[get\]"),
    ok("describe rolebinding readers", "User +bob"),
    ok("describe clusterrole view", "deployments.apps"),
    ok("describe clusterrolebinding cluster-admin", "Group +system:masters"),
    ok("describe leases -n kube-node-lease", "Holder Identity: +sim-0"),
    ok("describe events", "Reason: +Scheduled"),
]

TABLES = {"create": CREATE, "get": GET, "apply": APPLY, "validate": VALIDATE, "change": CHANGE, "rollout": ROLLOUT,
          "delete": DELETE, "discover": DISCOVER, "access": ACCESS, "nodes": NODES, "describe": DESCRIBE}
