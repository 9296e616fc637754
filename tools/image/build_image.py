#!/usr/bin/env python3
"""Makes a container image (an OCI layout in one tar) without a container engine, a registry or root.

The image's files come from Debian packages with their dependencies (downloaded by apt, unpacked, maintainer scripts
not run), from directories and from single files. The same inputs give the same bytes: entries are sorted, times are
SOURCE_DATE_EPOCH (default 0).

  build_image.py -o web.tar -t docker.io/library/web:1 --package nginx-light --package busybox-static --busybox \\
                 --copy web/nginx.conf:/etc/nginx/nginx.conf --entrypoint nginx -g 'daemon off;'
  build_image.py -o pause.tar -t sampan.local/pause:1 --copy build/pause:/pause:0755 --user 65535:65535 --entrypoint /pause

Import it with: ctr -n k8s.io images import web.tar
"""
import argparse
import gzip
import hashlib
import io
import json
import os
import platform
import shutil
import stat
import subprocess
import sys
import tarfile
import tempfile

EPOCH = int(os.environ.get("SOURCE_DATE_EPOCH", "0"))
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64", "riscv64": "riscv64", "ppc64le": "ppc64le", "s390x": "s390x"}
MERGED = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")  # top-level folders that are links into usr/
# Needed by maintainer scripts and service managers only, neither of which runs in an image.
MAINTENANCE = {"adduser", "debconf", "dpkg", "init-system-helpers", "install-info", "iproute2", "logrotate", "lsb-base",
               "passwd", "perl", "perl-base", "sensible-utils", "systemd", "sysvinit-utils", "tar", "ucf"}
DOCUMENTATION = ("usr/share/doc/", "usr/share/man/", "usr/share/info/", "usr/share/locale/", "usr/share/lintian/",
                 "usr/share/bug/", "usr/share/doc-base/")


class Layer:
    """One layer: path -> (TarInfo, bytes). Later entries replace earlier ones."""

    def __init__(self):
        self.entries = {}

    @staticmethod
    def clean(path):
        path = os.path.normpath("/" + path).lstrip("/")
        head, _, rest = path.partition("/")
        return f"usr/{head}/{rest}" if head in MERGED and rest else path

    def add(self, path, kind, mode, data=b"", link="", uid=0, gid=0, device=(0, 0)):
        path = self.clean(path)
        if not path or (path in MERGED and kind == tarfile.DIRTYPE):
            return
        if kind == tarfile.DIRTYPE and path in self.entries and self.entries[path][0].issym():
            return  # the link is the folder
        info = tarfile.TarInfo(path)
        info.type, info.mode, info.uid, info.gid, info.mtime = kind, mode & 0o7777, uid, gid, EPOCH
        info.linkname, (info.devmajor, info.devminor) = link, device
        info.size = len(data) if kind == tarfile.REGTYPE else 0
        self.entries[path] = (info, data)
        self.parents(path)

    def parents(self, path):
        parent = os.path.dirname(path)
        if parent and parent not in self.entries:
            self.add(parent, tarfile.DIRTYPE, 0o755)

    def add_tar(self, archive, keep_documentation):
        for member in archive:
            path = self.clean(member.name)
            if not keep_documentation and path.startswith(DOCUMENTATION):
                continue
            if member.isreg():
                data = archive.extractfile(member).read()
                self.add(path, tarfile.REGTYPE, member.mode, data, uid=member.uid, gid=member.gid)
            elif member.islnk():
                info, data = self.entries[self.clean(member.linkname)]
                self.add(path, tarfile.REGTYPE, info.mode, data, uid=info.uid, gid=info.gid)
            elif member.issym():
                self.add(path, tarfile.SYMTYPE, 0o777, link=member.linkname, uid=member.uid, gid=member.gid)
            elif member.isdir():
                self.add(path, tarfile.DIRTYPE, member.mode, uid=member.uid, gid=member.gid)

    def add_path(self, source, destination, mode=None, uid=0, gid=0):
        """A file, a link or a whole directory from this machine; ownership becomes uid:gid."""
        status = os.lstat(source)
        bits = stat.S_IMODE(status.st_mode) if mode is None else mode
        if stat.S_ISLNK(status.st_mode):
            self.add(destination, tarfile.SYMTYPE, 0o777, link=os.readlink(source), uid=uid, gid=gid)
        elif stat.S_ISDIR(status.st_mode):
            self.add(destination, tarfile.DIRTYPE, stat.S_IMODE(status.st_mode), uid=uid, gid=gid)
            for name in sorted(os.listdir(source)):
                self.add_path(os.path.join(source, name), os.path.join(destination, name), mode, uid, gid)
        elif stat.S_ISREG(status.st_mode):
            with open(source, "rb") as file:
                self.add(destination, tarfile.REGTYPE, bits, file.read(), uid=uid, gid=gid)
        else:
            fail(f"{source}: only files, directories and links can be copied")

    def tar(self):
        out = io.BytesIO()
        with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as archive:
            for path in sorted(self.entries):
                info, data = self.entries[path]
                archive.addfile(info, io.BytesIO(data) if info.isreg() else None)
        return out.getvalue()


def fail(message):
    print(f"build_image: {message}", file=sys.stderr)
    sys.exit(1)


def apt(*words, cwd=None):
    done = subprocess.run(words, capture_output=True, text=True, cwd=cwd)
    if done.returncode != 0:
        fail(f"{' '.join(words[:1] + words[-1:])}: {done.stderr.strip()}")
    return done.stdout


def solve(packages):
    """name -> version of `packages` and all they depend on, as apt would install them into an empty system."""
    with tempfile.NamedTemporaryFile() as no_packages:
        plan = apt("apt-get", "-qq", "-s", "--no-install-recommends", "-o", f"Dir::State::status={no_packages.name}",
                   "-o", "Debug::NoLocking=1", "install", *packages)
    lines = [line for line in plan.splitlines() if line.startswith("Inst ")]  # Inst NAME (VERSION origin [arch])
    return {line.split()[1].split(":")[0]: line[line.index("(") + 1:].split()[0] for line in lines}


def reachable(packages, versions, without):
    """The names that `packages` still need once `without` is taken out."""
    records, provides = {}, {}
    for text in apt("apt-cache", "show", *[f"{n}={v}" for n, v in versions.items()]).split("\n\n"):
        record = dict(line.split(": ", 1) for line in text.splitlines() if ": " in line and not line.startswith(" "))
        if "Package" in record:
            records[record["Package"]] = record
            for entry in record.get("Provides", "").split(","):
                provides.setdefault(entry.split("(")[0].strip(), []).append(record["Package"])
    found, queue = set(), [p.split("=")[0].split(":")[0] for p in packages]
    while queue:
        name = queue.pop()
        if name in found or name in without or name not in records:
            continue
        found.add(name)
        needs = records[name].get("Depends", "") + "," + records[name].get("Pre-Depends", "")
        for need in needs.replace("|", ",").split(","):
            wanted = need.split("(")[0].split(":")[0].strip()
            if wanted:
                queue.extend([wanted] + provides.get(wanted, []))
    return found


def download(packages, without, cache):
    """The .deb files that an image of `packages` is made of."""
    os.makedirs(cache, exist_ok=True)
    versions = solve(packages)
    needed = reachable(packages, versions, without)
    wanted = {n: v for n, v in versions.items() if n in needed}

    def cached(name):
        prefix = f"{name}_{wanted[name].replace(':', '%3a')}_"
        return next((os.path.join(cache, f) for f in os.listdir(cache) if f.startswith(prefix) and f.endswith(".deb")), None)

    missing = [f"{n}={v}" for n, v in wanted.items() if cached(n) is None]
    if missing:
        # A mirror that stops in the middle is asked again, and not for ever.
        apt("apt-get", "-qq", "-o", "APT::Sandbox::User=root", "-o", "Acquire::Retries=5", "-o", "Acquire::http::Timeout=20",
            "-o", "Acquire::https::Timeout=20", "download", *missing, cwd=cache)
    return [cached(name) for name in sorted(wanted)]


def packages_layer(arguments):
    layer = Layer()
    for name in MERGED:
        if name in ("bin", "sbin", "lib") or (name == "lib64" and platform.machine() == "x86_64"):
            layer.add(f"usr/{name}", tarfile.DIRTYPE, 0o755)
            info = tarfile.TarInfo(name)
            info.type, info.mode, info.linkname, info.mtime = tarfile.SYMTYPE, 0o777, f"usr/{name}", EPOCH
            layer.entries[name] = (info, b"")
    for path, mode in (("tmp", 0o1777), ("var/tmp", 0o1777), ("run", 0o755), ("root", 0o700), ("proc", 0o755),
                       ("sys", 0o755), ("dev", 0o755), ("etc", 0o755), ("var/log", 0o755)):
        layer.add(path, tarfile.DIRTYPE, mode)
    layer.add("var/run", tarfile.SYMTYPE, 0o777, link="/run")
    without = set(arguments.without) | (set() if arguments.keep_maintenance else MAINTENANCE - set(arguments.package))
    for file in download(arguments.package, without, os.path.abspath(arguments.cache)):
        stream = subprocess.run(["dpkg-deb", "--fsys-tarfile", file], capture_output=True, check=True).stdout
        with tarfile.open(fileobj=io.BytesIO(stream)) as archive:
            layer.add_tar(archive, arguments.keep_documentation)
    return layer


def accounts(layer, extra):
    """/etc/passwd and /etc/group with root, nobody and the given NAME:UID[:GID[:HOME]]."""
    users = [("root", 0, 0, "/root"), ("www-data", 33, 33, "/var/www"), ("nobody", 65534, 65534, "/nonexistent")]
    for entry in extra:
        name, uid, *rest = entry.split(":")
        users.append((name, int(uid), int(rest[0]) if rest else int(uid), rest[1] if len(rest) > 1 else "/"))
    passwd = "".join(f"{n}:x:{u}:{g}:{n}:{h}:/bin/sh\n" for n, u, g, h in users)
    groups = "".join(f"{'nogroup' if n == 'nobody' else n}:x:{g}:\n" for n, _, g, _ in users)
    layer.add("etc/passwd", tarfile.REGTYPE, 0o644, passwd.encode())
    layer.add("etc/group", tarfile.REGTYPE, 0o644, groups.encode())
    layer.add("etc/nsswitch.conf", tarfile.REGTYPE, 0o644, b"passwd: files\ngroup: files\nhosts: files dns\n")


def busybox_links(layer):
    """A link for each of busybox's commands that no package brought."""
    binary = layer.entries.get("usr/bin/busybox")
    if binary is None:
        fail("--busybox needs --package busybox-static")
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "busybox")
        with open(path, "wb") as file:
            file.write(binary[1])
        os.chmod(path, 0o755)
        names = subprocess.run([path, "--list"], capture_output=True, text=True, check=True).stdout.split()
    for name in names:
        if not any(f"usr/{d}/{name}" in layer.entries for d in ("bin", "sbin")):
            layer.add(f"usr/bin/{name}", tarfile.SYMTYPE, 0o777, link="busybox")


def files_layer(arguments):
    layer = Layer()
    for folder in arguments.rootfs:
        for name in sorted(os.listdir(folder)):
            layer.add_path(os.path.join(folder, name), name)
    for entry in arguments.copy:
        parts = entry.split(":")
        if len(parts) not in (2, 3, 4, 5):
            fail(f"--copy {entry}: must be SOURCE:DESTINATION[:MODE[:UID:GID]]")
        mode = int(parts[2], 8) if len(parts) > 2 and parts[2] else None
        uid, gid = (int(parts[3]), int(parts[-1])) if len(parts) > 3 else (0, 0)
        layer.add_path(parts[0], parts[1], mode, uid, gid)
    for entry in arguments.directory:
        path, mode, uid, gid = (entry.split(":") + ["0755", "0", "0"][entry.count(":"):])[:4]
        layer.add(path, tarfile.DIRTYPE, int(mode, 8), uid=int(uid), gid=int(gid))
    for entry in arguments.link:
        target, path = entry.split(":", 1)
        layer.add(path, tarfile.SYMTYPE, 0o777, link=target)
    return layer


class Layout:
    """Collects blobs and writes the OCI layout."""

    def __init__(self):
        self.blobs = {}

    def blob(self, data, media_type):
        digest = hashlib.sha256(data).hexdigest()
        self.blobs[digest] = data
        return {"mediaType": media_type, "digest": f"sha256:{digest}", "size": len(data)}

    def write(self, path, index):
        files = {"oci-layout": json.dumps({"imageLayoutVersion": "1.0.0"}).encode(),
                 "index.json": json.dumps(index, sort_keys=True).encode()}
        files.update({f"blobs/sha256/{digest}": data for digest, data in self.blobs.items()})
        temporary = path + ".part"
        with tarfile.open(temporary, "w", format=tarfile.USTAR_FORMAT) as archive:
            for name in sorted(files):
                info = tarfile.TarInfo(name)
                info.size, info.mode, info.mtime = len(files[name]), 0o644, EPOCH
                archive.addfile(info, io.BytesIO(files[name]))
        os.replace(temporary, path)


def canonical_name(tag):
    """docker.io/library/name:tag for short names, as container runtimes look them up."""
    name = tag if ":" in tag.rsplit("/", 1)[-1] else tag + ":latest"
    first = name.split("/", 1)[0]
    if "/" not in name:
        return "docker.io/library/" + name
    return name if "." in first or ":" in first or first == "localhost" else "docker.io/" + name


def image_config(arguments, architecture, diff_ids):
    config = {"Env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"] + arguments.env}
    for key, value in (("Entrypoint", arguments.entrypoint), ("Cmd", arguments.cmd), ("User", arguments.user),
                       ("WorkingDir", arguments.workdir), ("StopSignal", arguments.stop_signal)):
        if value:
            config[key] = value
    if arguments.expose:
        config["ExposedPorts"] = {(p if "/" in p else p + "/tcp"): {} for p in arguments.expose}
    if arguments.volume:
        config["Volumes"] = {v: {} for v in arguments.volume}
    if arguments.label:
        config["Labels"] = dict(entry.split("=", 1) for entry in arguments.label)
    return {"architecture": architecture, "os": "linux", "created": "1970-01-01T00:00:00Z", "config": config,
            "rootfs": {"type": "layers", "diff_ids": diff_ids},
            "history": [{"created": "1970-01-01T00:00:00Z", "created_by": "build_image.py"} for _ in diff_ids]}


def build(arguments):
    layers = []
    if arguments.package:
        layer = packages_layer(arguments)
        accounts(layer, arguments.account)
        if arguments.busybox:
            busybox_links(layer)
        layers.append(layer)
    files = files_layer(arguments)
    if arguments.account and not arguments.package:
        accounts(files, arguments.account)
    if files.entries or not layers:
        layers.append(files)

    layout = Layout()
    architecture = arguments.architecture or ARCHITECTURES.get(platform.machine(), platform.machine())
    descriptors, diff_ids = [], []
    for layer in layers:
        tar = layer.tar()
        diff_ids.append("sha256:" + hashlib.sha256(tar).hexdigest())
        media_type = "application/vnd.oci.image.layer.v1.tar"
        if arguments.compress:
            tar, media_type = gzip.compress(tar, 6, mtime=0), media_type + "+gzip"
        descriptors.append(layout.blob(tar, media_type))
    config = layout.blob(json.dumps(image_config(arguments, architecture, diff_ids), sort_keys=True).encode(),
                         "application/vnd.oci.image.config.v1+json")
    manifest = {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json", "config": config,
                "layers": descriptors}
    descriptor = layout.blob(json.dumps(manifest, sort_keys=True).encode(), manifest["mediaType"])
    descriptor["platform"] = {"architecture": architecture, "os": "linux"}
    index = {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": []}
    for tag in arguments.tag:
        name = canonical_name(tag)
        index["manifests"].append({**descriptor, "annotations": {
            "io.containerd.image.name": name, "org.opencontainers.image.ref.name": name.rsplit(":", 1)[-1]}})
    layout.write(arguments.output, index)
    return descriptor["digest"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--output", required=True, help="the tar to write")
    parser.add_argument("-t", "--tag", action="append", required=True, help="the image's name; may be repeated")
    parser.add_argument("--package", action="append", default=[], help="a Debian package, with its dependencies")
    parser.add_argument("--without", action="append", default=[], help="a package to leave out even if depended upon")
    parser.add_argument("--keep-maintenance", action="store_true",
                        help="keep what only maintainer scripts need: " + ", ".join(sorted(MAINTENANCE)))
    parser.add_argument("--cache", default=os.path.expanduser("~/.cache/sampan/debs"), help="where .deb files are kept")
    parser.add_argument("--keep-documentation", action="store_true", help="keep manual pages, translations and the like")
    parser.add_argument("--busybox", action="store_true", help="link every busybox command that no package brings")
    parser.add_argument("--rootfs", action="append", default=[], help="a directory whose content becomes the root")
    parser.add_argument("--copy", action="append", default=[], metavar="SOURCE:DESTINATION[:MODE[:UID:GID]]")
    parser.add_argument("--directory", action="append", default=[], metavar="PATH[:MODE[:UID[:GID]]]")
    parser.add_argument("--link", action="append", default=[], metavar="TARGET:PATH", help="a symbolic link")
    parser.add_argument("--account", action="append", default=[], metavar="NAME:UID[:GID[:HOME]]",
                        help="a line of /etc/passwd and /etc/group")
    parser.add_argument("--entrypoint", metavar="WORD...", help="program and arguments, up to the next --option")
    parser.add_argument("--cmd", metavar="WORD...", help="default arguments, up to the next --option")
    parser.add_argument("--env", action="append", default=[], metavar="NAME=VALUE")
    parser.add_argument("--user", default="", help="NAME or UID[:GID]")
    parser.add_argument("--workdir", default="")
    parser.add_argument("--expose", action="append", default=[], metavar="PORT[/PROTOCOL]")
    parser.add_argument("--volume", action="append", default=[], metavar="PATH")
    parser.add_argument("--label", action="append", default=[], metavar="NAME=VALUE")
    parser.add_argument("--stop-signal", default="")
    parser.add_argument("--architecture", default="", help="as in OCI: amd64, arm64 (default: this machine's)")
    parser.add_argument("--compress", action="store_true", help="gzip the layers")
    words = sys.argv[1:]
    entrypoint, cmd = take_words(words, "--entrypoint"), take_words(words, "--cmd")
    arguments = parser.parse_args(words)
    arguments.entrypoint, arguments.cmd = entrypoint, cmd
    if arguments.package and shutil.which("apt-get") is None:
        fail("--package needs apt-get (Debian)")
    print(build(arguments))


def take_words(arguments, option):
    """Removes `option` and its words, which end at the next argument that begins with "--" (so "-g" may be a word)."""
    if option not in arguments:
        return []
    start = arguments.index(option)
    end = start + 1
    while end < len(arguments) and not arguments[end].startswith("--"):
        end += 1
    words = arguments[start + 1:end]
    del arguments[start:end]
    return words


if __name__ == "__main__":
    main()
