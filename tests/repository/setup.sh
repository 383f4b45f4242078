#!/usr/bin/env bash
# setup.sh ROOT: what scripts/setup asks the system to do, on a system of stubs: a PATH that holds only these and a few tools.
set -eu
setup=$1/scripts/setup
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/bin"
for tool in bash env mktemp tail dirname rm true cat; do ln -s "$(type -P $tool)" "$work/bin/$tool"; done
bash=$(type -P bash)

stub() {  # stub NAME BODY
  printf '#!%s\n%s\n' "$bash" "$2" >"$work/bin/$1"
  chmod +x "$work/bin/$1"
}
printf 'ID=debian\nVERSION_ID="12"\n' >"$work/debian"
printf 'ID=fedora\nVERSION_ID=41\n' >"$work/fedora"
# dpkg-query answers for its arguments after -f FORMAT, all installed but those in the file `missing`.
stub dpkg-query 'shift 3; for p; do [[ " $(cat '"$work"'/missing) " == *" $p "* ]] || printf "installed:%s " "$p"; done'
stub apt-get 'echo "apt-get $*" >>'"$work"'/calls; [[ $* != *" install "* ]] || : >'"$work"'/missing'
stub id 'cat '"$work"'/uid'

status=0
run() {  # run MISSING UID DISTRIBUTION [ARGS]: fills `status`, files `out` and `calls`
  echo "$1" >"$work/missing"
  echo "$2" >"$work/uid"
  : >"$work/calls"
  status=0
  env -u IOMMUSIM_SKIP_SETUP PATH="$work/bin" TMPDIR="$work" IOMMUSIM_OS_RELEASE="$work/$3" "$bash" "$setup" ${4-} \
    >"$work/out" 2>&1 </dev/null || status=$?
}
fail() { echo "FAILED: $*; exit status $status"; cat "$work/out" "$work/calls"; exit 1; }
expect() {  # expect STATUS FILE TEXT...
  [ $status -eq "$1" ] || fail "expected exit status $1"
  local file=$2
  shift 2
  for text; do grep -qF -- "$text" "$work/$file" || fail "expected '$text' in $file"; done
}

run '' 0 debian
expect 0 out
[ ! -s "$work/calls" ] || fail "nothing is missing, yet apt was called"
[ ! -s "$work/out" ] || fail "nothing is missing, yet something was said"

run '' 1000 fedora
expect 0 out

run 'libsystemc-dev cmake' 0 debian
expect 0 calls 'update' '--no-install-recommends'
grep -q 'install --no-install-recommends cmake libsystemc-dev$' "$work/calls" || fail "only what is missing is installed"
expect 0 out 'installing 2 packages: cmake libsystemc-dev'

run 'clang-tidy' 0 debian
[ ! -s "$work/calls" ] || fail "clang-tidy is for --lint only"
run 'clang-tidy' 0 debian --lint
expect 0 calls 'clang-tidy'

run 'chromium' 0 debian
[ ! -s "$work/calls" ] || fail "chromium is for --browser only"
run 'chromium' 0 debian --browser
expect 0 calls 'chromium'

run 'cmake' 0 fedora
expect 1 out "this is 'fedora 41'" 'missing packages: cmake' 'IOMMUSIM_SKIP_SETUP=1'
[ ! -s "$work/calls" ] || fail "apt was called on another distribution"

run 'cmake' 1000 debian
expect 1 out 'neither root nor sudo' 'apt-get install --no-install-recommends cmake'

stub sudo 'exit 1'
run 'cmake' 1000 debian
expect 1 out 'sudo did not let us'
stub sudo 'echo "sudo $*" >>'"$work"'/calls; [ "$1" = -n ] && shift; exec "$@"'
run 'cmake' 1000 debian
expect 0 calls 'sudo -n env DEBIAN_FRONTEND=noninteractive' 'install --no-install-recommends cmake'

stub apt-get 'echo "E: Unable to locate package" >&2; exit 100'
run 'cmake' 0 debian
expect 1 out 'E: Unable to locate package' 'could not install'
stub apt-get ':'
run 'cmake' 0 debian
expect 1 out 'still not installed: cmake'

run '' 0 debian --lnit
expect 2 out "unknown argument '--lnit'"
echo "scripts/setup installs what is missing and nothing else"
