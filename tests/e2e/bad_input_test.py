"""What nobody should send: each gets the status a Kubernetes user expects or a closed connection, and nothing is harmed."""
import atexit
import base64
import http.client
import json
import re
import socket
import ssl
import time

from cluster import FACTOR, expect, poll, run
from control_plane import ControlPlane

ORDER = ["bodies_that_are_no_objects", "names_that_break_the_rules", "parameters_that_mean_nothing", "media_types",
         "bodies_over_the_limit", "nesting_and_bombs", "huge_selectors", "paths_out_of_scope",
         "a_right_to_read_runs_no_command",
         "credentials_that_do_not_hold", "request_smuggling",
         "idle_and_half_open_connections", "slow_watchers", "nothing_was_lost"]

MAPS = "/api/v1/namespaces/default/configmaps"
CA_MAP = f"{MAPS}/kube-root-ca.crt"  # every namespace has it
JSON, YAML = "application/json", "application/yaml"
# A server that starts at 40 MB; what is above this has grown with its input.
MOST_BYTES = (400 << 20) * FACTOR

_plane = None


class Plane(ControlPlane):
    def __init__(self, binary):
        super().__init__("bad-input", 16743, binary)
        config = json.loads(self.kubectl("config", "view", "--raw", "-o", "json").stdout)
        user, cluster = config["users"][0]["user"], config["clusters"][0]["cluster"]
        for name, text in (("admin.crt", user["client-certificate-data"]), ("admin.key", user["client-key-data"]),
                           ("ca.crt", cluster["certificate-authority-data"])):
            (self.scratch / name).write_bytes(base64.b64decode(text))
        self.acknowledged = []

    def context(self, certificate="admin"):
        context = ssl.create_default_context(cafile=str(self.scratch / "ca.crt"))
        if certificate:
            context.load_cert_chain(self.scratch / f"{certificate}.crt", self.scratch / f"{certificate}.key")
        return context

    def connect(self, certificate="admin"):
        plain = socket.create_connection(("127.0.0.1", self.port), timeout=15 * FACTOR)
        return self.context(certificate).wrap_socket(plain, server_hostname="127.0.0.1")

    def ask(self, method, path, body=None, headers=None, certificate="admin"):
        """(status, text), over a connection of its own."""
        client = http.client.HTTPSConnection("127.0.0.1", self.port, context=self.context(certificate), timeout=15 * FACTOR)
        try:
            client.request(method, path, body=body, headers=headers or {})
            answer = client.getresponse()
            return answer.status, answer.read().decode(errors="replace")
        finally:
            client.close()


def plane_of(cluster):
    global _plane
    if _plane is None:
        _plane = Plane(cluster.binary)
    return _plane


def finish():
    """After the module's last test."""
    global _plane
    if _plane is not None:
        _plane.stop()
    _plane = None


atexit.register(finish)


def check(plane, rows):
    """Rows of (method, path, content type, body, status, pattern of the message)."""
    for method, path, content_type, body, status, pattern in rows:
        headers = {"Content-Type": content_type} if content_type else {}
        body = body.encode() if isinstance(body, str) else body
        got, text = plane.ask(method, path, body, headers)
        what = f"{method} {path[:100]} {content_type} {str(body)[:100]}"
        expect(got == status, f"{what}: {got}, not {status}: {text[:500]}")
        message = json.loads(text)["message"] if text.startswith('{"kind":"Status"') else text
        expect(re.search(pattern, message), f"{what}: no /{pattern}/ in {message[:500]}")


def bodies_that_are_no_objects(cluster):
    check(plane_of(cluster), [
        ("POST", MAPS, JSON, "", 400, "unexpected end of JSON input"),
        ("POST", MAPS, JSON, "{", 400, "unexpected end of JSON input"),
        ("POST", MAPS, JSON, "[]", 400, "cannot unmarshal array"),
        ("POST", MAPS, JSON, "null", 422, "name or generateName is required"),
        ("POST", MAPS, JSON, '{"metadata":{"name":"x"}} trailing', 400, "after top-level value"),
        ("POST", MAPS, JSON, '{"metadata":{"name":5}}', 400, "cannot unmarshal number .* of type string"),
        ("POST", MAPS, JSON, '{"metadata":[]}', 400, "cannot unmarshal array"),
        ("POST", MAPS, JSON, '{"metadata":{"name":"x"},"data":{"a":1}}', 400, "cannot unmarshal number"),
        ("POST", MAPS, JSON, '{"kind":"Pod","apiVersion":"v1","metadata":{"name":"x"}}', 400, "kind of the data is Pod"),
        ("POST", MAPS, JSON, '{"kind":"ConfigMap","apiVersion":"v2"}', 400, "does not match the expected API version"),
        ("POST", MAPS, JSON, b'{"metadata":{"name":"x"},"data":{"a":"\xff\xfe"}}', 400, "invalid character"),
        ("POST", MAPS, JSON, b'{"metadata":{"name":"x"},"data":{"a":"\xed\xa0\x80"}}', 400, "invalid character"),
        ("POST", MAPS, JSON, b"\x00\x01\x02", 400, "json parse error"),
        ("POST", MAPS, YAML, "a: b\n\tc", 400, "error converting YAML to JSON: yaml: line 2"),
        ("POST", MAPS, YAML, "a: *nowhere", 400, "anchor"),
        ("POST", MAPS, YAML, b"metadata: {name: x}\ndata: {a: \"\xff\"}", 400, "yaml"),
        ("POST", MAPS, YAML, "metadata: [unclosed", 400, "error converting YAML to JSON"),
        ("POST", MAPS, "application/vnd.kubernetes.protobuf", "garbage", 400, "protobuf"),
        ("POST", MAPS, "application/vnd.kubernetes.protobuf", b"k8s\x00\xff\xff\xff\xff\xff", 400, "."),
        ("POST", MAPS + "?fieldValidation=Strict", JSON, '{"metadata":{"name":"x"},"dta":{},"data":{"a":"1","a":"2"}}', 400,
         'strict decoding error: unknown field "dta", duplicate field "data.a"'),
        ("PATCH", CA_MAP, "application/json-patch+json", "{}", 400, "JSON patch"),
        ("PATCH", CA_MAP, "application/json-patch+json", '[{"op":"frob","path":"/a"}]', 400, "op must be"),
        ("PATCH", CA_MAP, "application/merge-patch+json", "[1]", 400, "must be a JSON object"),
        ("PATCH", CA_MAP, "application/strategic-merge-patch+json", "{", 400, "."),
        ("PATCH", CA_MAP, "application/apply-patch+yaml", "{}", 422, "fieldManager: Required value"),
        ("DELETE", CA_MAP, JSON, "{bad", 400, "invalid character"),
        ("DELETE", CA_MAP, JSON, '{"propagationPolicy":"Nope"}', 422, "Unsupported value"),
    ])


def names_that_break_the_rules(cluster):
    rows = [("UPPER", "RFC 1123 subdomain"), ("a_b", "RFC 1123 subdomain"), ("-a", "RFC 1123 subdomain"),
            ("a..b", "RFC 1123"), ("a/b", "."), ("..", "."),
            ("é", "RFC 1123 subdomain"), ("a" * 254, "must be no more than 253"),
            ("", "name or generateName is required"), ("a\x00b", "RFC 1123")]
    check(plane_of(cluster), [("POST", MAPS, JSON, json.dumps({"metadata": {"name": name}}), 422, pattern)
                              for name, pattern in rows])
    check(plane_of(cluster), [
        ("POST", MAPS, JSON, '{"metadata":{"name":"x","labels":{"a b":"c"}}}', 422, "metadata.labels: Invalid value"),
        ("POST", MAPS, JSON, '{"metadata":{"name":"x","labels":{"a":"' + "v" * 64 + '"}}}', 422, "must be no more than 63"),
        ("POST", MAPS, JSON, '{"metadata":{"name":"x"},"data":{"a b":"c"}}', 422, "data"),
        ("POST", MAPS, JSON, '{"metadata":{"name":"x","annotations":{"a":"' + "v" * 300000 + '"}}}', 422, "Too long"),
        ("POST", MAPS, JSON, '{"metadata":{"name":"x"},"data":{"a":"' + "v" * 1100000 + '"}}', 422, "Too long"),
        ("POST", MAPS, JSON, '{"metadata":{"name":"x","namespace":"other"}}', 400, "does not match the namespace"),
        ("POST", "/api/v1/namespaces/absent/configmaps", JSON, '{"metadata":{"name":"x"}}', 404, '"absent" not found'),
        ("POST", "/api/v1/namespaces", JSON, '{"metadata":{"name":"a.b"}}', 422, "RFC 1123 label"),
    ])


def parameters_that_mean_nothing(cluster):
    check(plane_of(cluster), [
        ("GET", MAPS + "?limit=abc", None, None, 400, "invalid syntax"),
        ("GET", MAPS + "?continue=garbage", None, None, 400, "continue key is not valid"),
        ("GET", MAPS + "?resourceVersion=abc", None, None, 400, "resource version"),
        ("GET", MAPS + "?watch=1&resourceVersion=abc", None, None, 400, "resource version"),
        ("GET", MAPS + "?resourceVersion=99999999999999999999", None, None, 400, "resource version"),
        ("GET", MAPS + "?resourceVersionMatch=Exact", None, None, 422, "resourceVersionMatch"),
        ("GET", MAPS + "?labelSelector=a%20in%20(", None, None, 400, "unable to parse requirement"),
        ("GET", MAPS + "?labelSelector=%ff", None, None, 400, "."),
        ("GET", MAPS + "?fieldSelector=x", None, None, 400, "invalid selector"),
        ("GET", MAPS + "?fieldSelector=data.x%3D1", None, None, 400, "not a known field selector|not supported"),
        ("POST", MAPS + "?dryRun=maybe", JSON, '{"metadata":{"name":"x"}}', 422, "dryRun"),
        ("POST", MAPS + "?fieldValidation=maybe", JSON, '{"metadata":{"name":"x"}}', 422, "fieldValidation"),
        ("GET", "/%zz", None, None, 400, "malformed path"),
        ("FROB", MAPS, None, None, 405, "does not allow this method"),
        ("PUT", CA_MAP, JSON, '{"metadata":{"name":"other"}}', 400, "does not match the name on the URL"),
        ("PUT", CA_MAP, JSON, '{"metadata":{"name":"kube-root-ca.crt","resourceVersion":"1"}}', 409,
         "the object has been modified"),
        ("PUT", CA_MAP, JSON, '{"metadata":{"name":"kube-root-ca.crt","uid":"x"}}', 409, "Precondition|UID|uid"),
    ])


def media_types(cluster):
    plane = plane_of(cluster)
    check(plane, [
        ("POST", MAPS, "text/plain", "x", 415, "accepted media types include: application/json"),
        ("PATCH", CA_MAP, JSON, "{}", 415, "accepted media types include: application/json-patch"),
    ])
    for accept in ("text/html", "application/json;as=Nothing;g=meta.k8s.io;v=v1", "garbage"):
        status, text = plane.ask("GET", MAPS, headers={"Accept": accept})
        expect(status == 406, f"Accept: {accept}: {status} {text[:300]}")


def bodies_over_the_limit(cluster):
    plane = plane_of(cluster)
    big = json.dumps({"metadata": {"name": "big"}, "data": {"a": "x" * (3 * 1024 * 1024)}})
    head = f"POST {MAPS} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    chunks = "".join(f"100000\r\n{'x' * 0x100000}\r\n" for _ in range(4))
    for what, request in (("content-length", f"{head}Content-Length: {len(big)}\r\n\r\n"),
                          ("chunks", f"{head}Transfer-Encoding: chunked\r\n\r\n{chunks}0\r\n\r\n")):
        answer = raw(plane, request.encode())
        expect(b" 413 " in answer and b"Request entity too large: limit is 3145728" in answer, f"{what}: {answer[:500]}")
    (plane.scratch / "big.json").write_text(big)
    done = run("curl", "-s", "--http2", "--cacert", plane.scratch / "ca.crt", "--cert", plane.scratch / "admin.crt", "--key",
               plane.scratch / "admin.key", "-H", "Content-Type: application/json", "--data-binary",
               f"@{plane.scratch / 'big.json'}", "-w", "%{http_code}", f"https://127.0.0.1:{plane.port}{MAPS}", check=False)
    expect("413" in done.stdout and "limit is 3145728" in done.stdout, f"HTTP/2: {done.stdout[:500]} {done.stderr[:300]}")


def nesting_and_bombs(cluster):
    deep = 10000
    arrays, objects = "[" * deep + "]" * deep, '{"a":' * deep + "1" + "}" * deep
    laughs = 'a0: &a0 ["x"]\n' + "".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]\n" for i in range(1, 12))
    target = CA_MAP
    check(plane_of(cluster), [
        ("POST", MAPS, JSON, arrays, 400, "."),
        ("POST", MAPS, JSON, objects, 400, "."),
        ("POST", MAPS, JSON, '{"metadata":{"name":"x"},"unknown":' + arrays + "}", 400, "."),
        ("POST", MAPS, YAML, arrays, 400, "."),
        ("POST", MAPS, YAML, "".join(" " * i + "a:\n" for i in range(1500)), 400, "."),
        ("POST", MAPS, YAML, laughs, 400, "."),
        ("PATCH", target, "application/json-patch+json", '[{"op":"add","path":"/data/a","value":' + arrays + "}]", 400, "."),
        ("PATCH", target, "application/merge-patch+json", objects, 400, "."),
        ("PATCH", target, "application/strategic-merge-patch+json", objects, 400, "."),
        ("PATCH", target + "?fieldManager=me", "application/apply-patch+yaml", objects, 400, "."),
        ("PATCH", target + "?fieldManager=me", "application/apply-patch+yaml", laughs, 400, "."),
        ("DELETE", target, JSON, objects, 400, "."),
    ])


def huge_selectors(cluster):
    plane = plane_of(cluster)
    terms = ",".join(f"k{i}=v" for i in range(2000))
    status, text = plane.ask("GET", f"{MAPS}?labelSelector={terms}")
    expect(status == 200, f"2,000 terms: {status} {text[:300]}")
    for what, query in (("a long label", "labelSelector=" + "a" * 1000),
                        ("a long value", "labelSelector=a%3D" + "b" * 1000)):
        status, text = plane.ask("GET", f"{MAPS}?{query}")
        expect(status == 400, f"{what}: {status} {text[:300]}")
    answer = raw(plane, f"GET {MAPS}?labelSelector={'a' * (2 << 20)} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    expect(not answer or re.match(rb"HTTP/1.1 4(00|14|31) ", answer), f"2 MiB of selector: {answer[:300]}")


def paths_out_of_scope(cluster):
    """A right to everything in one namespace must not open what belongs to the whole cluster."""
    plane = plane_of(cluster)
    plane.kubectl("create", "rolebinding", "all", "--clusterrole=cluster-admin", "--user=tenant")
    for method, path in (("GET", "/api/v1/namespaces/default/nodes"),
                         ("GET", "/api/v1/namespaces/default/namespaces/kube-system"),
                         ("POST", "/apis/rbac.authorization.k8s.io/v1/namespaces/default/clusterrolebindings"),
                         ("DELETE", "/apis/rbac.authorization.k8s.io/v1/namespaces/default/clusterroles/view")):
        body = json.dumps({"metadata": {"name": "mine"}, "roleRef": {"kind": "ClusterRole", "name": "cluster-admin",
                                                                     "apiGroup": "rbac.authorization.k8s.io"}})
        status, text = plane.ask(method, path, body if method == "POST" else None,
                                 {"Impersonate-User": "tenant", "Content-Type": JSON})
        expect(status in (403, 404), f"{method} {path}: {status} {text[:300]}")


def a_right_to_read_runs_no_command(cluster):
    """A WebSocket begins with a GET, which alone would need no more than the right to get."""
    plane = plane_of(cluster)
    plane.kubectl("run", "target", "--image=busybox")
    plane.kubectl("create", "role", "look", "--verb=get,list,watch",
                  "--resource=pods,pods/exec,pods/attach,pods/portforward")
    plane.kubectl("create", "rolebinding", "look", "--role=look", "--user=onlooker")
    upgrade = {"Impersonate-User": "onlooker", "Connection": "Upgrade", "Upgrade": "websocket",
               "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
               "Sec-WebSocket-Protocol": "v5.channel.k8s.io"}
    for path in ("exec?command=id&stdout=true", "attach?stdout=true", "portforward?ports=80"):
        status, text = plane.ask("GET", f"/api/v1/namespaces/default/pods/target/{path}", None, upgrade)
        resource = path.split("?")[0]
        expect(status == 403 and f'cannot create resource \\"pods/{resource}\\"' in text, f"{path}: {status} {text[:300]}")
    plane.kubectl("delete", "pod", "target", "--force", "--grace-period=0")


def credentials_that_do_not_hold(cluster):
    plane = plane_of(cluster)
    header = base64.urlsafe_b64encode(b'{"alg":"none","kid":"x"}').decode().rstrip("=")
    claims = base64.urlsafe_b64encode(b'{"sub":"system:serviceaccount:default:default"}').decode().rstrip("=")
    plane.kubectl("create", "serviceaccount", "bot")
    good = plane.kubectl("create", "token", "bot").stdout.strip()
    expect(plane.ask("GET", "/api", headers={"Authorization": f"Bearer {good}"}, certificate=None)[0] == 200, "a good token")
    middle = len(good) - 20
    spoilt = good[:middle] + ("A" if good[middle] != "A" else "B") + good[middle + 1:]
    for what, token in (("garbage", "garbage"), ("no algorithm", f"{header}.{claims}."), ("a spoilt signature", spoilt),
                        ("a long one", "a" * 20000), ("an empty one", ""), ("two words", "a b")):
        status, text = plane.ask("GET", "/api/v1/pods", headers={"Authorization": f"Bearer {token}"}, certificate=None)
        expect(status == 401 or (not token and status == 403), f"{what}: {status} {text[:300]}")
        expect(status == 403 or json.loads(text)["message"] == "Unauthorized", f"{what}: {text[:300]}")
    plane.kubectl("delete", "serviceaccount", "bot")
    poll("the deleted account's token refused", 5, lambda: plane.ask(
        "GET", "/api/v1/pods", headers={"Authorization": f"Bearer {good}"}, certificate=None)[0] == 401)
    status, text = plane.ask("GET", "/api/v1/pods", certificate=None)
    expect(status == 403 and "system:anonymous" in text, f"no credentials: {status} {text[:300]}")
    for name in ("foreign", "expired"):
        make_certificate(plane, name)
        expect(refused(plane, name), f"a certificate that is {name} was accepted")


def make_certificate(plane, name):
    """A client certificate of system:masters: by an authority of its own, or by the cluster's and long over."""
    folder, authority = plane.scratch, plane.data_dir / "tls/ca"
    if name == "foreign":
        authority = folder / "foreign-ca"
        run("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=sampan-ca", "-days", "1", "-keyout",
            f"{authority}.key", "-out", f"{authority}.crt")
    run("openssl", "req", "-newkey", "rsa:2048", "-nodes", "-subj", "/O=system:masters/CN=mallory", "-keyout",
        folder / f"{name}.key", "-out", folder / f"{name}.csr")
    ago = 2 if name == "expired" else 0
    dates = [time.strftime("%Y%m%d%H%M%SZ", time.gmtime(time.time() + 86400 * day)) for day in (-ago - 1, 1 - ago)]
    (folder / "index.txt").write_text("")
    (folder / "ca.conf").write_text(f"[ca]\ndefault_ca=d\n[d]\ndatabase={folder}/index.txt\nnew_certs_dir={folder}\n"
                                    "rand_serial=yes\ndefault_md=sha256\npolicy=p\nunique_subject=no\nx509_extensions=v3\n"
                                    "[p]\ncommonName=supplied\norganizationName=optional\n"
                                    "[v3]\nextendedKeyUsage=clientAuth\n")
    run("openssl", "ca", "-batch", "-config", folder / "ca.conf", "-cert", f"{authority}.crt", "-keyfile",
        f"{authority}.key", "-in", folder / f"{name}.csr", "-out",
        folder / f"{name}.crt", "-startdate", dates[0], "-enddate", dates[1],
        "-notext")


def refused(plane, certificate):
    try:
        status, _ = plane.ask("GET", "/api/v1/pods", certificate=certificate)
    except OSError:
        return True  # TLS refused it
    return status == 401


def raw(plane, request):
    """The bytes that come back until the server closes or is silent for a second."""
    answer = b""
    try:
        with plane.connect() as connection:
            connection.settimeout(5)
            try:
                connection.sendall(request)
            except OSError:
                pass  # it answered and closed before it had read everything
            connection.settimeout(1)
            while piece := connection.recv(65536):
                answer += piece
    except OSError:
        pass
    return answer


def request_smuggling(cluster):
    plane = plane_of(cluster)
    post = f"POST {MAPS} HTTP/1.1\r\nHost: x\r\nContent-Type: {JSON}\r\n"  # whose handler reads the body
    inner = "GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n"
    rows = {
        "both framings": post + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + inner,
        "two lengths": post + "Content-Length: 0\r\nContent-Length: 9\r\n\r\n" + inner,
        "a signed length": post + "Content-Length: +5\r\n\r\n" + inner,
        "an odd coding": post + "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" + inner,
        "a space before the colon": post + "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n" + inner,
        "a folded header": post + "X: y\r\n Transfer-Encoding: chunked\r\n\r\n" + inner,
        "a bad chunk size": post + "Transfer-Encoding: chunked\r\n\r\n0x5\r\nhello\r\n0\r\n\r\n" + inner,
        "a huge chunk size": post + "Transfer-Encoding: chunked\r\n\r\nffffffffffffffff1\r\n" + inner,
        "two hosts": "GET /api HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n" + inner,
        "no host": "GET /api HTTP/1.1\r\n\r\n" + inner,
        "a null in a header": "GET /api HTTP/1.1\r\nHost: x\r\nX: a\0b\r\n\r\n" + inner,
        "an unknown version": "GET /api HTTP/3.7\r\nHost: x\r\n\r\n" + inner,
    }
    for what, request in rows.items():
        answer = raw(plane, request.encode())
        statuses = re.findall(rb"HTTP/1\.1 (\d+)", answer)
        expect(len(statuses) <= 1 and all(status in (b"400", b"501", b"505") for status in statuses),
               f"{what}: answered with {statuses}: {answer[:300]}")


def idle_and_half_open_connections(cluster):
    plane = plane_of(cluster)
    before = plane.resident_bytes()
    silent = [socket.create_connection(("127.0.0.1", plane.port)) for _ in range(2000)]
    half = [socket.create_connection(("127.0.0.1", plane.port)) for _ in range(500)]
    for connection in half:
        connection.sendall(b"\x16\x03\x01\x02\x00\x01\x00")  # the start of a TLS greeting
    idle = [plane.connect() for _ in range(50)]
    for connection in idle:
        connection.sendall(f"GET {MAPS} HTTP/1.1\r\nHos".encode())
    started = time.monotonic()
    expect(plane.ask("GET", MAPS)[0] == 200, "the server does not answer beside idle connections")
    took, grown = time.monotonic() - started, plane.resident_bytes() - before
    for connection in silent + half + idle:
        connection.close()
    expect(took < 2 * FACTOR, f"an answer took {took:.1f} s")
    expect(grown < (100 << 20) * FACTOR, f"2,550 connections took {grown >> 20} MiB")


def slow_watchers(cluster):
    plane = plane_of(cluster)
    before = plane.resident_bytes()
    watchers = [plane.connect() for _ in range(20)]
    for watcher in watchers:
        watcher.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        watcher.sendall(f"GET {MAPS}?watch=1 HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    client = http.client.HTTPSConnection("127.0.0.1", plane.port, context=plane.context(), timeout=15 * FACTOR)
    for i in range(200):
        body = {"metadata": {"name": f"kept-{i}"}, "data": {"a": "x" * 100000}}
        client.request("POST", MAPS, body=json.dumps(body), headers={"Content-Type": JSON})
        answer = client.getresponse()
        answer.read()
        expect(answer.status == 201, f"a create beside slow watchers: {answer.status}")
        plane.acknowledged.append(f"configmap/kept-{i}")
    grown = plane.resident_bytes() - before
    client.close()
    for watcher in watchers:
        watcher.close()
    # 20 MB of objects; 20 copies of them for the watchers would be 400.
    expect(grown < (200 << 20) * FACTOR, f"20 watchers that do not read took {grown >> 20} MiB")


def nothing_was_lost(cluster):
    plane = plane_of(cluster)
    expect(plane.process.poll() is None, "the server ended")
    expect(plane.resident_bytes() < MOST_BYTES, f"the server holds {plane.resident_bytes() >> 20} MiB")
    plane.process.kill()
    plane.process.wait()
    plane.start_server()
    names = set(plane.kubectl("get", "configmaps", "-o", "name").stdout.split())
    missing = [name for name in plane.acknowledged if name not in names]
    expect(not missing, f"lost: {missing}")
    strange = names - set(plane.acknowledged) - {"configmap/kube-root-ca.crt"}
    expect(not strange, f"refused, yet there: {strange}")
