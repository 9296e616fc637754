"""The requests under 3 MiB that cost a server most, and how long others wait while one of them is answered."""
import http.client
import json
import multiprocessing
import ssl
import statistics
import time

NAMESPACE = "/api/v1/namespaces/default"
MAPS = f"{NAMESPACE}/configmaps"
ROLES = "/apis/rbac.authorization.k8s.io/v1/namespaces/default/roles"
JSON, YAML = "application/json", "application/yaml"
MERGE, STRATEGIC, PATCHES = (f"application/{kind}+json" for kind in ("merge-patch", "strategic-merge-patch", "json-patch"))
APPLY = "application/apply-patch+yaml"
PROTOBUF = "application/vnd.kubernetes.protobuf"
NARROW = "narrow"  # a user who holds the right to make roles and configmaps, and nothing else
SECONDS = 60  # the longest that an answer may take


def config_map(name, **members):
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, **members.pop("metadata", {})}, **members}


def pod(**spec):
    return {"metadata": {"name": "p"}, "spec": {"containers": [{"name": "c", "image": "i"}], **spec}}


def many(count, make):
    return [make(n) for n in range(count)]


def managed(count):
    return [{"manager": f"m{n}", "operation": "Update", "apiVersion": f"v{n}", "fieldsType": "FieldsV1",
             "fieldsV1": {f"f:a{n}": {}}} for n in range(count)]


def length_prefixed(field, data):
    size, prefix = len(data), bytearray([field << 3 | 2])
    while size > 127:
        prefix.append(size & 127 | 128)
        size >>= 7
    return bytes(prefix + bytes([size])) + data


def wire(kind, message):
    return b"k8s\0" + length_prefixed(1, length_prefixed(1, b"v1") + length_prefixed(2, kind)) + length_prefixed(2, message)


def role(count):
    values = [f"v{n}" for n in range(count)]
    return {"metadata": {"name": f"r{count}"}, "rules": [{"apiGroups": values, "resources": values, "verbs": values,
                                                          "resourceNames": values}]}


def requests():
    """(name, method, path, content type, body) of each kind of cost: size, depth, number, products, expansion."""
    numbers = {f"k{n}": "" for n in range(150000)}
    backwards = {f"l{n:06}": "v" for n in range(90000, 0, -1)}
    finalizers = many(60000, lambda n: f"a.b/c{n}")
    env = many(20000, lambda n: {"name": f"E{n}", "value": "$(E%d)" % (n + 1)})
    copies = [{"op": "copy", "from": "/data/a", "path": f"/data/b{n}"} for n in range(9000)]
    yield "a config map of 1 MiB", "POST", MAPS, JSON, config_map("large", data={"k": "x" * 1000000})
    yield "150,000 keys", "POST", MAPS, JSON, config_map("keys", data=numbers)
    yield "150,000 keys applied", "PATCH", f"{MAPS}/applied?fieldManager=m", APPLY, config_map("applied", data=numbers)
    yield "60,000 finalizers", "POST", MAPS, JSON, config_map("final", metadata={"finalizers": finalizers})
    yield "60,000 other finalizers", "PUT", f"{MAPS}/final", JSON, config_map("final", metadata={"finalizers": finalizers[::-1]})
    yield "25,000 owners that all control", "POST", MAPS, JSON, config_map("owned", metadata={"ownerReferences": many(
        25000, lambda n: {"apiVersion": "v1", "kind": "Pod", "name": f"p{n}", "uid": f"u{n}", "controller": True})})
    yield "90,000 labels in descending order", "POST", MAPS, JSON, config_map("labels", metadata={"labels": backwards})
    yield "15,000 managers", "PUT", f"{MAPS}/large", JSON, config_map("large", metadata={"managedFields": managed(15000)})
    yield "15,000 managers and an apply", "PATCH", f"{MAPS}/large?fieldManager=m&force=true", APPLY, config_map(
        "large", data={"k": "y"})
    yield "a role of 28^4 rights", "POST", ROLES, JSON, role(28)
    yield "a role of 60^4 rights", "POST", ROLES, JSON, role(60)
    yield "30,000 rules", "POST", ROLES, JSON, {"metadata": {"name": "rules"}, "rules": many(
        30000, lambda n: {"apiGroups": [""], "resources": [f"r{n}"], "verbs": ["get"]})}
    yield "20,000 variables", "POST", f"{NAMESPACE}/pods", JSON, pod(containers=[{"name": "c", "image": "i", "env": env}])
    yield "10,000 containers with ports", "POST", f"{NAMESPACE}/pods", JSON, pod(initContainers=many(
        10000, lambda n: {"name": f"c{n}", "image": "i", "ports": [{"containerPort": n + 1, "hostPort": n + 1}]}))
    yield "15,000 volumes and mounts", "POST", f"{NAMESPACE}/pods", JSON, pod(
        volumes=many(15000, lambda n: {"name": f"v{n}", "emptyDir": {}}), containers=[{"name": "c", "image": "i", "volumeMounts": many(
            15000, lambda n: {"name": f"v{14999 - n}", "mountPath": f"/m{n}"})}])
    yield "40,000 tolerations", "POST", f"{NAMESPACE}/pods", JSON, pod(tolerations=many(
        40000, lambda n: {"key": f"k{n}", "operator": "Exists"}))
    yield "30,000 ports", "POST", f"{NAMESPACE}/services", JSON, {"metadata": {"name": "s"}, "spec": {"ports": many(
        30000, lambda n: {"name": f"p{n}", "port": n + 1})}}
    yield "60,000 bad keys", "POST", MAPS, JSON, config_map("bad", data={f"!{n}": "" for n in range(60000)})
    yield "200,000 unknown members", "POST", f"{MAPS}?fieldValidation=Strict", JSON, config_map(
        "unknown", **{f"u{n}": 1 for n in range(200000)})
    yield "200,000 duplicate members", "POST", MAPS, JSON, b'{"metadata":{"name":"d"},"data":{%s}}' % b",".join(
        b'"k%d":"","k%d":""' % (n, n) for n in range(100000))
    yield "JSON of 1,000,000 brackets", "POST", MAPS, JSON, b"[" * 1000000
    yield "YAML of 3,000,000 braces", "POST", MAPS, YAML, b"{" * 3000000
    yield "YAML of 200,000 anchors", "POST", MAPS, YAML, b"a:\n" + b"".join(b"- &x%d 1\n" % n for n in range(200000))
    yield "YAML of anchors around each other", "POST", MAPS, YAML, b"a: " + b"".join(b"&x%d [" % n for n in range(450)) + b"x," * 1000000
    yield "YAML of 1,000,000 lines", "POST", MAPS, YAML, b"metadata: {name: y}\ndata:\n  a: |\n" + b"   x\n" * 500000
    yield "protobuf of 900,000 unknown fields", "POST", MAPS, PROTOBUF, wire(
        b"ConfigMap", length_prefixed(1, length_prefixed(1, b"w")) + b"\xf8\x07\1" * 900000)
    yield "protobuf of 700,000 entries", "POST", MAPS, PROTOBUF, wire(b"ConfigMap", length_prefixed(2, b"") * 700000)
    yield "a merge patch of 150,000 keys", "PATCH", f"{MAPS}/keys", MERGE, {"data": {key: "1" for key in numbers}}
    yield "a strategic merge of 60,000 deletions", "PATCH", f"{MAPS}/final", STRATEGIC, {"metadata": {
        "$deleteFromPrimitiveList/finalizers": finalizers, "finalizers": finalizers[:30000]}}
    yield "9,000 copies of 1 MB", "PATCH", f"{MAPS}/large", PATCHES, copies
    yield "10,000 moves at the front of a list", "PATCH", f"{MAPS}/final", PATCHES, [
        {"op": "move", "from": "/metadata/finalizers/0", "path": "/metadata/finalizers/50000"}] * 10000
    yield "everything as a table", "GET", f"{MAPS}", None, "application/json;as=Table;g=meta.k8s.io;v=v1"
    yield "everything as YAML", "GET", f"{MAPS}", None, YAML
    yield "everything as protobuf", "GET", f"{MAPS}", None, PROTOBUF
    yield "everything by 3,000 selectors", "GET", MAPS + "?labelSelector=" + ",".join(f"a{n}!=b" for n in range(3000)), None, JSON
    yield "OpenAPI for the first time", "GET", "/openapi/v2", None, JSON


class Client:
    """One connection of one user, made again when it is closed."""

    def __init__(self, cluster, user=None):
        tls = cluster.data_dir / "tls"
        self.context = ssl.create_default_context(cafile=str(tls / "ca.crt"))
        self.context.load_cert_chain(str(tls / "admin.crt"), str(tls / "admin.key"))
        self.port, self.headers = cluster.port, {"Impersonate-User": user} if user else {}
        self.connection = None

    def ask(self, method, path, body=None, headers=None):
        if self.connection is None:
            self.connection = http.client.HTTPSConnection("127.0.0.1", self.port, timeout=SECONDS, context=self.context)
        try:
            self.connection.request(method, path, body, {**self.headers, **(headers or {})})
            answer = self.connection.getresponse()
            answer.read()
            return answer.status
        except Exception:
            self.connection.close()
            self.connection = None
            raise


def probe(cluster, stop, longest):
    """Small requests on several connections, so that some share a thread with whatever is slow."""
    clients = [Client(cluster) for _ in range(8)]
    while not stop.is_set():
        for client in clients:
            began = time.monotonic()
            client.ask("GET", f"{MAPS}/small")
            longest.value = max(longest.value, time.monotonic() - began)


def prepare(cluster):
    admin = Client(cluster)
    rbac = "/apis/rbac.authorization.k8s.io/v1/namespaces/default"
    rules = [{"apiGroups": ["rbac.authorization.k8s.io"], "resources": ["roles"], "verbs": ["create"]},
             {"apiGroups": [""], "resources": ["configmaps", "pods", "services"], "verbs": ["*"]}]
    for path, body in ((MAPS, config_map("small", data={"a": "b"})),
                       (f"{rbac}/roles", {"metadata": {"name": NARROW}, "rules": rules}),
                       (f"{rbac}/rolebindings", {"metadata": {"name": NARROW}, "roleRef": {
                           "apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": NARROW}, "subjects": [
                               {"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": NARROW}]})):
        admin.ask("POST", path, json.dumps(body), {"Content-Type": JSON})


def waits(cluster):
    """[(seconds that others waited at most, seconds that the request took, its status, its name)], the worst first, and what
    others wait at most while nothing else happens."""
    prepare(cluster)
    stop, longest = multiprocessing.Event(), multiprocessing.Value("d", 0.0)
    prober = multiprocessing.Process(target=probe, args=(cluster, stop, longest), daemon=True)
    prober.start()
    try:
        quiet = []
        for _ in range(5):
            longest.value = 0.0
            time.sleep(0.3)
            quiet.append(longest.value)
        found = []
        for name, method, path, form, body in requests():
            headers = {"Content-Type": form} if form else {"Accept": body}
            data = None if form is None else body if isinstance(body, bytes) else json.dumps(body, separators=(",", ":")).encode()
            assert data is None or len(data) < 3 * 1024 * 1024, name
            client = Client(cluster, user=None if path.startswith("/openapi") else NARROW)
            client.ask("GET", f"{MAPS}/small")  # the connection's own cost is not the request's
            longest.value = 0.0
            began = time.monotonic()
            status = client.ask(method, path, data, headers)
            found.append((longest.value, time.monotonic() - began, status, name))
    finally:
        stop.set()
        prober.join(5)
        prober.kill()
    return sorted(found, reverse=True), statistics.median(quiet)
