# Sourced by deploy/run and deploy/test (POSIX sh, also the bash 3.2 of macOS).
# `prepare_venv run` or `prepare_venv test` leaves a complete .venv in the repository: pinned packages checked by
# hash, and the project itself, editable. It needs nothing but Python 3.11 or newer.
# The caller has set `root` to the repository's folder.

fail() {
    printf '%s\n' "$@" >&2
    exit 1
}

# Prints the first Python that is new enough and can make virtual environments.
find_python() {
    old=""
    for name in python3 python3.14 python3.13 python3.12 python3.11 python; do
        command -v "$name" >/dev/null 2>&1 || continue
        if ! "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then
            old="$old $name"
        elif ! "$name" -c 'import ensurepip, venv' >/dev/null 2>&1; then
            without_venv="$name"
        else
            command -v "$name"
            return
        fi
    done
    if [ -n "${without_venv:-}" ]; then
        fail "$without_venv is new enough but cannot make virtual environments (no module ensurepip)." \
            "On Debian and Ubuntu: apt-get install python3-venv"
    fi
    fail "Python 3.11 or newer is needed and was not found on the PATH.${old:+ Too old:$old.}" \
        "Install it from python.org, your package manager, or (macOS) with: brew install python"
}

# Prints the file of pinned packages for running or testing.
requirements_for() {
    case "$1" in
        run) echo "$root/deploy/requirements.txt" ;;
        test) echo "$root/deploy/requirements-test.txt" ;;
    esac
}

# Prints what the environment for $2 depends on, as one hash; $1 is the Python that computes it.
fingerprint() {
    "$1" - "$root" "$(requirements_for "$2")" "$root/pyproject.toml" <<'PYTHON'
import hashlib, pathlib, sys
root, *files = sys.argv[1:]
digest = hashlib.sha256(f"{root}\n{sys.version}\n".encode())
for file in files:
    digest.update(pathlib.Path(file).read_bytes())
print(digest.hexdigest())
PYTHON
}

# True when the environment works and was completed for exactly these requirements. The stamp is written last, so an
# interrupted set-up is not taken for a complete one; the next call goes on with it.
is_current() {
    [ -x "$root/.venv/bin/python" ] && [ -f "$root/.venv/complete-$1" ] &&
        [ "$(cat "$root/.venv/complete-$1")" = "$(fingerprint "$root/.venv/bin/python" "$1" 2>/dev/null)" ]
}

prepare_venv() {
    is_current "$1" && return
    python=$(find_python) || exit 1
    # One at a time. The lock belongs to the open file, which this shell (and any installer it started) keeps open:
    # it ends with the processes, however they end.
    exec 9>"$root/.venv.lock"
    "$python" -c 'import fcntl; fcntl.flock(9, fcntl.LOCK_EX)'
    if ! is_current "$1"; then
        echo "Setting up $root/.venv (this takes up to a minute, once) ..." >&2
        # Scripts in .venv/bin name the folder that they were made for: a moved or copied checkout starts afresh.
        if ! "$root/.venv/bin/python" -m pip --version >/dev/null 2>&1 ||
            [ "$(cat "$root/.venv/made-for" 2>/dev/null)" != "$root" ]; then
            "$python" -m venv --clear "$root/.venv" || fail "Could not make $root/.venv; see above."
            printf '%s\n' "$root" >"$root/.venv/made-for"
        fi
        stamp=$(fingerprint "$root/.venv/bin/python" "$1")
        # Wheels only: building a source package would fetch build tools that nobody pinned.
        "$root/.venv/bin/python" -m pip install --quiet --disable-pip-version-check --root-user-action=ignore \
            --require-hashes --only-binary :all: -r "$(requirements_for "$1")" &&
            "$root/.venv/bin/python" -m pip install --quiet --disable-pip-version-check --root-user-action=ignore \
                --no-deps --no-build-isolation --no-index --editable "$root" ||
            fail "Could not install the packages of deploy/requirements*.txt; see above. Calling again goes on from here."
        printf '%s\n' "$stamp" >"$root/.venv/complete-$1"
    fi
    exec 9>&-
}
