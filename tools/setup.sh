#!/usr/bin/env bash
# Make .venv and install Norma into it; does nothing where that is already done.
#   tools/setup.sh          what running needs
#   tools/setup.sh dev      also what the tests and checks need
#   tools/setup.sh installer  also PyInstaller
# PYTHON=/path/to/python3.12 chooses the interpreter; pip's own configuration chooses the index.
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD
extras=${1:-}

say() { printf '%s\n' "norma set-up: $*" >&2; }
fail() { say "$*"; exit 1; }

# --- Qt's system libraries -------------------------------------------------------------------

# Each line: a file the dynamic linker must know, and the Debian package that brings it.
qt_libraries="
libEGL.so.1 libegl1
libGL.so.1 libgl1
libxkbcommon-x11.so.0 libxkbcommon-x11-0
libdbus-1.so.3 libdbus-1-3
libfontconfig.so.1 libfontconfig1
libxcb-cursor.so.0 libxcb-cursor0
libxcb-icccm.so.4 libxcb-icccm4
libxcb-image.so.0 libxcb-image0
libxcb-keysyms.so.1 libxcb-keysyms1
libxcb-randr.so.0 libxcb-randr0
libxcb-render-util.so.0 libxcb-render-util0
libxcb-shape.so.0 libxcb-shape0
libxcb-xinerama.so.0 libxcb-xinerama0
"

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"
    elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then sudo -n "$@"
    else return 1
    fi
}

# Install Debian packages where that is allowed; otherwise print the command that does it.
apt_install() {
    if command -v apt-get >/dev/null; then
        say "installing $*"
        if as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq update >&2 &&
            as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq install --no-install-recommends -y "$@" >&2
        then return 0; fi
        say "not allowed or not possible here; please run: sudo apt-get install $*"
    else
        say "this is not a Debian system; please install what it calls: $*"
    fi
    return 1
}

qt_packages_missing() {
    local known
    known=$(PATH=$PATH:/sbin:/usr/sbin ldconfig -p)
    while read -r library package; do
        [ -z "$library" ] || grep -qF "$library " <<<"$known" || echo "$package"
    done <<<"$qt_libraries"
    compgen -G '/usr/share/fonts/*/*' >/dev/null || echo fonts-dejavu-core
}

check_qt_libraries() {
    [ "$(uname -s)" = Linux ] || return 0
    local missing
    missing=$(qt_packages_missing | tr '\n' ' ')
    [ -n "${missing// /}" ] || return 0
    say "the window needs system libraries that are missing: $missing"
    # shellcheck disable=SC2086
    apt_install $missing || say "until then everything but the window works"
}

# --- Python ----------------------------------------------------------------------------------

find_python() {
    local name
    for name in ${PYTHON:-python3 python3.13 python3.12 python3.11 python3.14}; do
        if "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            echo "$name"
            return 0
        fi
    done
    return 1
}

make_venv() {
    local python version
    python=$(find_python) ||
        fail "Python 3.11 or newer is needed; install it (Debian, Ubuntu: sudo apt-get install python3 python3-venv) or name one with PYTHON=/path/to/python"
    version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
    if ! "$python" -c 'import venv, ensurepip' 2>/dev/null; then
        apt_install "python$version-venv" || fail "Python's venv module is missing"
    fi
    say "making .venv with $python ($version)"
    rm -rf .venv
    "$python" -m venv .venv
}

# A stamp holds what was installed for: this place and this project file. Extras include the rest.
wanted() { printf '%s\n' "$root"; cat pyproject.toml tools/setup.sh; }

installed() {
    local stamp
    [ -x .venv/bin/python ] || return 1
    for stamp in .venv/norma-installed-"${extras:-}"*; do
        cmp -s "$stamp" <(wanted) && return 0
    done
    return 1
}

# A virtual environment that was copied or half made can't be mended.
usable_venv() { grep -qsF "$root/.venv/bin" .venv/bin/pip && .venv/bin/python -c 'import pip' 2>/dev/null; }

# On a terminal pip shows its progress; in a log it only speaks of trouble.
pip_install() { .venv/bin/python -m pip install $([ -t 1 ] || echo --quiet) --disable-pip-version-check "$@"; }

if ! installed; then
    usable_venv || make_venv
    check_qt_libraries
    say "installing what Norma needs (minutes the first time)"
    # torch first and by itself: pip then takes a CPU build where its configured indexes hold one.
    pip_install "$(grep -oE 'torch==[0-9.]+' pyproject.toml | head -n 1)"
    pip_install --editable ".${extras:+[$extras]}"
    wanted >".venv/norma-installed-$extras"
fi
