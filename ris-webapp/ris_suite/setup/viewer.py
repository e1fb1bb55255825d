"""OHIF, as its makers built it: fetched from npm, checked, pruned, and moved below ``/viewer/<version>/``.

The package ``@ohif/app`` carries a complete build for the address ``/``. It is not built again here: a few places that
have the address in them are changed, each of which must be found exactly as often as expected, or setup stops. What the
result asks of the network is one origin; addresses of other hosts in code that Quang does not use are made harmless.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import re
import shutil
import tarfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from ris_suite import layout
from ris_suite.setup import network
from ris_suite.setup.runner import StepFailed, StepLog

PACKAGE = "@ohif/app"
OHIF_VERSION = "3.13.2"
SHA512 = "WZdxmpmG7rqFgW9ZJLcbgr3XCtLi1KDNPoMaeY5PPe6j4G4fjEjjkycZM6C6Zk2F87BKxFfpq+jd5xXZB9E8EA=="

OWN_FILES = layout.FRONTEND / "viewer"
OWN_SCRIPTS = (
    "boot.js",
    "in-use.js",
    "small-screen.js",
    "coarse-first.js",
    "link-rate.js",
    "key-image.js",
    "reformat.js",
    "hanging.js",
    "told.js",
    "watermark.js",
    "slow-link.js",
    "presentation-graphics.js",
    "presentation-state.js",
)
"""Joined in this order to :data:`JOINED_SCRIPT`, which the page loads before its configuration and OHIF itself."""
JOINED_SCRIPT = "quang.js"
CONFIGURATION = "app-config.js"
OWN_STYLES = ("slow-link.css", "presentation-state.css")
"""Joined to :data:`JOINED_STYLES`, asked for by the scripts."""
JOINED_STYLES = "quang.css"
INPUTS = (Path(__file__).resolve(), OWN_FILES)

_PRUNED = (
    "ort",  # onnxruntime for segmentation by models that would come from outside
    "customizations",
    "assets/apple-touch-*",
    "assets/*yandex*",
    "**/*.map",
    "sw.js",
    "init-service-worker.js",
    "google.js",
    "serve.json",
    "_headers",
    "_redirects",
    "polyfill.min.js",
    "es6-shim.min.js",
    "silent-refresh.html",
    "oidc-client.min.js",
)
_OUTSIDE_HOSTS = ("huggingface.co", "cdn.jsdelivr.net", "api.locize.io", "healthcare.googleapis.com", "unpkg.com")
_COMPRESSED = frozenset({".js", ".css", ".html", ".json", ".svg", ".wasm"})
_SMALLEST_COMPRESSED_BYTES = 1024


def install(log: StepLog) -> None:
    """Makes ``.engine/viewer/<version>/`` and writes the version to ``.engine/viewer/VERSION``."""
    version = f"{OHIF_VERSION}-{_digest_of_inputs()}"
    building = layout.ENGINE / "viewer.building"
    shutil.rmtree(building, ignore_errors=True)
    building.mkdir()
    archive = building / "package.tgz"
    url = f"{network.npm_registry()}/{PACKAGE}/-/app-{OHIF_VERSION}.tgz"
    log.write(f"fetching {url}")
    network.download(url, archive)
    _check(archive)
    target = building / version
    _unpack(archive, target)
    archive.unlink()
    _prune(target)
    _recognise_videos(target)
    _put_vietnamese(target, (OWN_FILES / "vietnamese.json").read_text())
    _change_address(target, f"/viewer/{version}/")
    _name_errors(target)
    for joined, names in ((JOINED_SCRIPT, OWN_SCRIPTS), (JOINED_STYLES, OWN_STYLES)):
        (target / joined).write_text("\n".join((OWN_FILES / name).read_text() for name in names))
    shutil.copyfile(OWN_FILES / CONFIGURATION, target / CONFIGURATION)
    _compress(target)
    (building / "VERSION").write_text(version + "\n")
    shutil.rmtree(layout.VIEWER, ignore_errors=True)
    building.rename(layout.VIEWER)
    log.write(f"viewer {version} is in {layout.VIEWER}")


def _digest_of_inputs() -> str:
    digest = hashlib.sha256()
    for item in INPUTS:
        for path in sorted(item.rglob("*")) if item.is_dir() else [item]:
            if path.is_file():
                digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:8]


def _check(archive: Path) -> None:
    digest = hashlib.sha512()
    with archive.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    found = base64.b64encode(digest.digest()).decode()
    if found != SHA512:
        raise StepFailed(f"{PACKAGE} {OHIF_VERSION} is not the package that was checked (sha512 {found})")


def _unpack(archive: Path, target: Path) -> None:
    """The package's ``dist`` folder, with its licence beside it. (The archive's content is known by its hash.)"""
    with tarfile.open(archive) as tar:
        for member in tar:
            if not member.isfile():
                continue
            if member.name.startswith("package/dist/"):
                path = target / member.name.removeprefix("package/dist/")
            elif member.name in ("package/LICENSE", "package/package.json"):
                path = target / "licence" / member.name.removeprefix("package/")
            else:
                continue
            content = tar.extractfile(member)
            if content is not None:
                path.parent.mkdir(parents=True, exist_ok=True)
                with content, path.open("wb") as file:
                    shutil.copyfileobj(content, file)


def _prune(target: Path) -> None:
    for pattern in _PRUNED:
        for path in list(target.glob(pattern)):
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()


def _put_vietnamese(target: Path, texts: str) -> None:
    """All of OHIF's texts in Vietnamese, for the 77 that it has itself: namespace → English key → text."""
    replaced = 0
    for path in target.glob("app.bundle.*.js"):
        text, count = re.subn(
            r"const vi = \(\{\n  vi: \{\n.*?\n  \}\n\}\);",
            lambda _: f"const vi = ({{ vi: {json.dumps(json.loads(texts), ensure_ascii=False)} }});",
            path.read_text(),
            flags=re.DOTALL,
        )
        replaced += count
        path.write_text(text)
    _expect("Vietnamese texts", replaced, at_least=1)


def _recognise_videos(target: Path) -> None:
    """OHIF goes by the transfer syntax, which Orthanc's metadata does not tell; these classes are always videos."""
    seen = "metadata.SOPClassUID === SOP_CLASS_UIDS.VIDEO_PHOTOGRAPHIC_IMAGE_STORAGE"
    meant = "sopClassUids.filter(uid => !secondaryCaptureSopClassUids.includes(uid)).includes(metadata.SOPClassUID)"
    changed = 0
    for path in sorted(target.glob("*.js")):
        text = path.read_text()
        if seen in text:
            changed += text.count(seen)
            path.write_text(text.replace(seen, meant))
    _expect("tests for videos", changed, at_least=1)


def _name_errors(target: Path) -> None:
    """OHIF's build for production puts the word "false" behind the title of an error."""
    where = "${!isProduction && ` ${t('in')} ${context}`}"
    changed = 0
    for path in sorted(target.glob("*.js")):
        text = path.read_text()
        if where in text:
            changed += text.count(where)
            path.write_text(text.replace(where, ""))
    _expect("titles of errors", changed, at_least=1)


def _change_address(target: Path, address: str) -> None:
    public_paths = 0
    for path in sorted(target.glob("*.js")):
        before = path.read_text()
        text, count = re.subn(
            r'^__webpack_require__\.p = "/";$', f'__webpack_require__.p = "{address}";', before, flags=re.MULTILINE
        )
        public_paths += count
        text = text.replace("'/dicom-microscopy-viewer/", f"'{address}dicom-microscopy-viewer/")
        for host in _OUTSIDE_HOSTS:
            text = text.replace(f"https://{host}", "/no-outside-host")
        if text != before:
            path.write_text(text)
    _expect("webpack's public path", public_paths, at_least=8)
    fonts = 0
    for path in sorted(target.glob("*.css")):
        text, count = re.subn(r"url\(/(?!/)", f"url({address}", path.read_text())
        fonts += count
        path.write_text(text)
    _expect("font addresses in the styles", fonts, at_least=1)
    _change_page(target / "index.html", address)


def _change_page(page: Path, address: str) -> None:
    text = page.read_text()
    text, scripts = re.subn(r"<script>.*?</script>", "", text, flags=re.DOTALL)
    _expect("inline scripts of the page", scripts, at_least=2)
    text = re.sub(r'<link rel="apple-touch-[^>]*>|<link rel="yandex[^>]*>|<link rel="manifest"[^>]*>', "", text)
    text = re.sub(r'<meta name="msapplication[^>]*>|<script [^>]*init-service-worker\.js"></script>', "", text)
    text = re.sub(r'(src|href)="/', rf'\1="{address}', text)
    configuration = re.search(r'<script [^>]*app-config\.js"></script>', text)
    if configuration is None:
        raise StepFailed("OHIF's page does not load app-config.js any more")
    own = "".join(f'<script src="{address}{name}"></script>' for name in (JOINED_SCRIPT, CONFIGURATION))
    text = text.replace(configuration.group(), own)
    text = text.replace("<title>OHIF Viewer</title>", "<title>Quang</title>").replace("OHIF Viewer", "Quang")
    page.write_text(text)


def _compress(target: Path) -> None:
    """A ``.gz`` beside each file that shrinks, for nginx's gzip_static."""
    paths = [
        path
        for path in target.rglob("*")
        if path.suffix in _COMPRESSED and path.stat().st_size >= _SMALLEST_COMPRESSED_BYTES
    ]

    def compress(path: Path) -> None:
        path.with_name(path.name + ".gz").write_bytes(gzip.compress(path.read_bytes(), compresslevel=8, mtime=0))

    with ThreadPoolExecutor(max_workers=2) as pool:
        list(pool.map(compress, sorted(paths, key=lambda path: path.stat().st_size, reverse=True)))


def _expect(what: str, found: int, *, at_least: int) -> None:
    if found < at_least:
        raise StepFailed(f"OHIF {OHIF_VERSION} is not built as expected: {found} instead of {at_least} {what}")
