# shellcheck shell=bash
# Sourced by the scripts beside it: goes to the repository's root; messages, and what is needed from the system.

REPO=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
ARTIFACTS=$REPO/artifacts
cd "$REPO" || exit
PACKAGES=$ARTIFACTS/packages # .deb files, kept: a second run downloads nothing

say() { printf '%s\n' "$*"; }

heading() {
    if [[ -t 1 ]]; then printf '\n\033[1m== %s\033[0m\n' "$*"; else printf '\n== %s\n' "$*"; fi
}

die() {
    printf '%s: %s\n' "$(basename "$0")" "$*" >&2
    exit 1
}

# Says it plainly when this is a system on which nobody has tried it.
say_system() {
    local name
    # shellcheck source=/dev/null
    name=$(. /etc/os-release 2>/dev/null && printf '%s %s' "${ID-}" "${VERSION_ID-}") || name='unknown system'
    case $name in
        'debian 12' | 'debian 13') ;;
        ubuntu*) say "note: made for Debian 12 and 13; Ubuntu should do, but nobody has tried it ($name)" ;;
        *) say "note: made for Debian 12 and 13, and this is $name" ;;
    esac
}

# need_apt WHAT...: WHAT is what a person on another system has to provide by hand.
need_apt() {
    command -v apt-get >/dev/null && command -v dpkg-query >/dev/null && return
    die "this system has no apt (Debian and Ubuntu have it). Needed: $*. Install that by your own means, or use a Debian 12 or 13 machine."
}

# Options for every apt call. As root, apt would hand downloads to the user _apt, which often cannot reach a
# checkout and then warns; the archive signatures are checked either way.
apt_options=(-q -o DPkg::Lock::Timeout=300)
if [[ $(id -u) == 0 ]]; then apt_options+=(-o APT::Sandbox::User=root); fi

# need_packages PKG...: installs what is missing, saying first what and why. Touches nothing when all is there.
need_packages() {
    local package status missing=()
    need_apt "the equivalents of the Debian packages $*"
    for package in "$@"; do
        status=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
        [[ $status == installed ]] || missing+=("$package")
    done
    if ((${#missing[@]} == 0)); then return; fi

    local sudo=() cache=$ARTIFACTS/apt/archives
    if [[ $(id -u) != 0 ]]; then
        command -v sudo >/dev/null || die "missing packages: ${missing[*]}. Run as root: apt-get install ${missing[*]}"
        sudo=(sudo)
    fi
    say "Installing Debian packages that are missing: ${missing[*]}"
    say "  runs: ${sudo:+sudo }apt-get update; ${sudo:+sudo }apt-get install --no-install-recommends ${missing[*]}"
    # A cache of our own: container images come with an apt hook that empties the usual one after any dpkg run,
    # also one of somebody else's, in the middle of ours.
    mkdir -p "$cache/partial"
    "${sudo[@]}" apt-get "${apt_options[@]}" update >/dev/null
    "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get "${apt_options[@]}" -o Dir::Cache::Archives="$cache" \
        install -y --no-install-recommends "${missing[@]}" ||
        die "apt could not install ${missing[*]}; its message is above"
}

# apt's package lists, used without any privilege: the system's own, or, where those are missing or older than the
# archive, a copy of ours. Neither changes the system.
apt_read() {
    local lists=()
    if [[ -e $ARTIFACTS/apt/lists/fresh ]]; then lists=(-o Dir::State::Lists="$ARTIFACTS/apt/lists"); fi
    "$1" "${apt_options[@]}" -o Dir::Cache="$ARTIFACTS/apt" "${lists[@]}" "${@:2}"
}

refresh_lists() {
    [[ ! -e $ARTIFACTS/apt/lists/fresh ]] || return 1 # once is enough: a second failure is a real one
    say "Package lists are missing or old: fetching them into artifacts/apt (nothing is installed)"
    mkdir -p "$ARTIFACTS/apt/lists/partial" "$ARTIFACTS/apt/archives/partial"
    apt-get "${apt_options[@]}" -o Dir::Cache="$ARTIFACTS/apt" -o Dir::State::Lists="$ARTIFACTS/apt/lists" \
        update >"$ARTIFACTS/apt/update.log" 2>&1 || { cat "$ARTIFACTS/apt/update.log" >&2; return 1; }
    touch "$ARTIFACTS/apt/lists/fresh"
}

# package_depends NAME: what `apt-cache depends` says about NAME and everything below it.
package_depends() {
    local options=(--recurse --no-recommends --no-suggests --no-conflicts --no-breaks --no-replaces --no-enhances)
    mkdir -p "$ARTIFACTS/apt/archives/partial"
    apt_read apt-cache depends "${options[@]}" "$1" 2>/dev/null && return
    refresh_lists >&2 && apt_read apt-cache depends "${options[@]}" "$1" 2>/dev/null
}

# download_arm64_package NAME DIR: unpacks the arm64 package NAME into DIR on a host of any architecture, which apt is
# not told about: the lists and the package stay below artifacts/.
download_arm64_package() {
    local name=$1 directory=$2 place=$ARTIFACTS/apt-arm64
    need_apt "the files of the Debian package $name for arm64"
    local options=("${apt_options[@]}" -o APT::Architecture=arm64 -o APT::Architectures=arm64
        -o Dir::State::Lists="$place/lists" -o Dir::Cache="$place" -o Acquire::Languages=none)
    if ! compgen -G "$place/${name}_*.deb" >/dev/null; then
        mkdir -p "$place/lists/partial" "$place/archives/partial"
        say "  downloading $name for arm64"
        (cd "$place" && apt-get "${options[@]}" update >/dev/null && apt-get "${options[@]}" download -qq "$name") ||
            die "could not download the arm64 package $name (is the network up, and the archive in /etc/apt reachable?)"
    fi
    mkdir -p "$directory"
    dpkg -x "$place/${name}"_*.deb "$directory"
}

# download_package NAME DIR [PATTERN...]: unpacks the Debian package NAME (or only the files that match) into DIR.
# The .deb stays below artifacts/ and is used again. Works as any user; nothing is installed.
download_package() {
    local name=$1 directory=$2
    shift 2
    local kept=$PACKAGES/$name.deb
    if [[ ! -s $kept ]]; then
        need_apt "the files of the Debian package $name"
        local partial=$PACKAGES/$name.partial
        rm -rf "$partial"
        mkdir -p "$partial" "$ARTIFACTS/apt/archives/partial"
        say "  downloading $name"
        (cd "$partial" && { apt_read apt-get download -qq "$name" || { refresh_lists && apt_read apt-get download -qq "$name"; }; }) ||
            die "could not download the package $name (is the network up, and the archive in /etc/apt reachable?)"
        mv "$partial"/*.deb "$kept"
        rmdir "$partial"
    fi
    mkdir -p "$directory"
    if (($#)); then
        dpkg-deb --fsys-tarfile "$kept" | tar -x -C "$directory" --no-same-owner --wildcards "$@"
    else
        dpkg -x "$kept" "$directory"
    fi
}

need_dotnet() {
    local cure="Install the .NET 10 SDK (https://dotnet.microsoft.com/download/dotnet/10.0) and put dotnet in the PATH."
    local version
    command -v dotnet >/dev/null || die "there is no dotnet here. $cure"
    # In the repository, where global.json has its say.
    version=$(dotnet --version 2>/dev/null) || die "dotnet finds no SDK that global.json accepts. $cure"
    ((${version%%.*} >= 10)) || die "dotnet is version $version, but 10 is needed. $cure"
}

# inputs_hash FILE...: changes when any of the files does. For stamp files.
inputs_hash() { cat -- "$@" | sha256sum | cut -d' ' -f1; }
