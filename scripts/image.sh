# shellcheck shell=bash
# Sourced by demo-image and test-guest: a Debian kernel, a busybox root, and a reproducible initrd out of both.

IMAGES=$ARTIFACTS/images
KERNEL_DIR=$PACKAGES/kernel # vmlinuz and modules/*.ko of one kernel package

# One at a time: two that fill artifacts/packages at once would disturb each other.
mkdir -p "$PACKAGES"
exec 9>"$PACKAGES/.lock"
flock 9

# In the order in which insmod needs them: the packages hold no modules.dep, so modprobe cannot know it.
VIRTIO_NET_MODULES=(virtio_ring virtio virtio_pci_legacy_dev virtio_pci_modern_dev virtio_pci failover net_failover virtio_net)
# The power button of ACPI, and the device through which a program hears of it.
BUTTON_MODULES=(button evdev)
# The writable layer above a container's image.
OVERLAY_MODULES=(overlay)

# up_to_date NAME HASH: true when the triple NAME was made from inputs with this hash.
up_to_date() {
    local part
    for part in kernel initrd.img cmdline; do [[ -s $IMAGES/$1-$part ]] || return 1; done
    [[ $(cat "$IMAGES/.$1.stamp" 2>/dev/null) == "$2" ]]
}

# need_kernel: fills KERNEL_DIR. The real package's name changes with each security update, so it is resolved and
# never written down; later runs keep the one they have (remove artifacts/packages to get today's).
need_kernel() {
    local modules=("${VIRTIO_NET_MODULES[@]}" "${BUTTON_MODULES[@]}" "${OVERLAY_MODULES[@]}")
    if [[ $(cat "$KERNEL_DIR/done" 2>/dev/null) == "${modules[*]}" ]]; then return; fi
    [[ $(dpkg --print-architecture) == amd64 ]] || die "the demo kernel is an amd64 one, and this is $(dpkg --print-architecture)"

    local meta depends name='' unpacked=$PACKAGES/kernel.unpacked
    # Debian has the first. Ubuntu has the second: never tried there, see the message below.
    for meta in linux-image-cloud-amd64 linux-image-virtual; do
        depends=$(package_depends "$meta") || continue
        name=$(sed -n 's/^ *|\?Depends: \(linux-image-[0-9][^ ]*\)$/\1/p' <<<"$depends" | head -n 1)
        if [[ -n $name ]]; then break; fi
    done
    [[ -n $name ]] || die "apt knows neither linux-image-cloud-amd64 (Debian) nor linux-image-virtual (Ubuntu)"
    if [[ $meta != linux-image-cloud-amd64 ]]; then
        say "  note: kernel $name is not Debian's cloud kernel; VmHost's own checks were never run with it"
    fi

    rm -rf "$KERNEL_DIR" "$unpacked"
    mkdir -p "$KERNEL_DIR/modules"
    download_package "$name" "$unpacked"
    # Ubuntu keeps the modules in a package of their own.
    if [[ ! -d $unpacked/lib/modules && ! -d $unpacked/usr/lib/modules ]]; then
        download_package "${name/linux-image-/linux-modules-}" "$unpacked"
    fi
    install -m 644 "$unpacked"/boot/vmlinuz-* "$KERNEL_DIR/vmlinuz"
    local module
    for module in "${modules[@]}"; do take_module "$module" "$unpacked"; done
    rm -rf "$unpacked" # 100 MB, of which one file in fifty is needed
    echo "${modules[*]}" >"$KERNEL_DIR/done"
}

# take_module NAME UNPACKED: newer kernels come with compressed modules; some have a driver built in.
take_module() {
    local file name=$1 into=$KERNEL_DIR/modules/$1.ko
    file=$(find "$2" -path '*/modules/*' \( -name "$name.ko" -o -name "$name.ko.*" \) | head -n 1)
    case $file in
        *.ko) install -m 644 "$file" "$into" ;;
        *.xz) xz -dc "$file" >"$into" ;;
        *.zst) zstd -qdc "$file" >"$into" ;;
        *.gz) gzip -dc "$file" >"$into" ;;
        *)
            find "$2" -name modules.builtin -exec grep -q "/$name\.ko" {} + ||
                die "this kernel has no driver $name, neither as a module nor built in"
            ;;
    esac
}

# make_root ROOT MODULE...: directories, busybox with all its names, and the modules with the order to load them in.
make_root() {
    local root=$1
    rm -rf "$root"
    mkdir -p "$root"/{dev,etc,proc,root,run,sbin,sys,tmp,var/log,var/run}
    add_busybox "$root"
    add_modules "$@"
}

# add_busybox ROOT: with all its names.
add_busybox() {
    local root=$1 busybox applet unpacked
    mkdir -p "$root/bin"
    unpacked=$root.busybox
    rm -rf "$unpacked"
    download_package busybox-static "$unpacked"
    busybox=$(find "$unpacked" -type f -path '*bin/busybox')
    install -m 755 "$busybox" "$root/bin/busybox"
    for applet in $("$busybox" --list); do
        [[ -e $root/bin/$applet ]] || ln -s busybox "$root/bin/$applet"
    done
    rm -rf "$unpacked"
}

# add_modules ROOT MODULE...: and the order to load them in.
add_modules() {
    local root=$1 module
    shift
    mkdir -p "$root/lib/modules"
    : >"$root/lib/modules/order"
    for module in "$@"; do
        [[ -e $KERNEL_DIR/modules/$module.ko ]] || continue # built in
        install -m 644 "$KERNEL_DIR/modules/$module.ko" "$root/lib/modules/"
        say "/lib/modules/$module.ko" >>"$root/lib/modules/order"
    done
}

# library_packages PACKAGE: the library packages below PACKAGE, by following Depends from library to library. All are
# named lib… but zlib, which Debian 13's redis needs.
library_packages() {
    package_depends "$1" | awk -v start="$1" '
        /^[^ <]/ { name = $1; next }
        $1 ~ /Depends:$/ && $2 ~ /^(lib|zlib1g$)/ { below[name] = below[name] " " $2 }
        END {
            queue[last = 1] = start
            for (i = 1; i <= last; i++) {
                n = split(below[queue[i]], names, " ")
                for (j = 1; j <= n; j++) if (!(names[j] in seen)) { seen[names[j]]; print names[j]; queue[++last] = names[j] }
            }
        }'
}

# add_program ROOT PACKAGE BINARY [NAME]: a program of a package, as bin/NAME, and exactly the libraries it loads, at the paths
# its loader looks in. All of them come from the downloaded packages, and the downloaded loader itself says which: the host may
# have others, or none.
add_program() {
    local root=$1 package=$2 name=${4:-$3} unpacked=$1.$2 program loader path libraries
    download_package "$package" "$unpacked"
    library_packages "$package" >"$unpacked.libraries"
    while read -r path; do download_package "$path" "$unpacked"; done <"$unpacked.libraries"

    program=$(find "$unpacked" -type f -path "*bin/$3" | head -n 1)
    loader=$(find "$unpacked" -type f -name ld-linux-x86-64.so.2 | head -n 1)
    [[ -n $program && -n $loader ]] || die "the packages $package and libc6 do not hold what they used to"

    path=$unpacked/lib/x86_64-linux-gnu:$unpacked/usr/lib/x86_64-linux-gnu
    libraries=$("$loader" --inhibit-cache --library-path "$path" --list "$program" | awk '$2 == "=>" { print $3 }')
    mkdir -p "$root"/{bin,lib64,lib/x86_64-linux-gnu}
    install -m 755 "$program" "$root/bin/$name"
    install -m 755 "$loader" "$root/lib64/ld-linux-x86-64.so.2"
    for path in $libraries; do
        case $path in
            */ld-linux-x86-64.so.2) ;; # in place already
            "$unpacked"/*) install -m 644 "$path" "$root/lib/x86_64-linux-gnu/" ;;
            *) die "$name needs $path, which is in none of the downloaded packages" ;;
        esac
    done
    rm -rf "$unpacked" "$unpacked.libraries"
}

# pack_initrd ROOT FILE: the same tree gives the same bytes: sorted, owned by root, all times zero, no inode numbers.
pack_initrd() {
    find "$1" -exec touch -h -d @0 {} +
    (cd "$1" && find . -print0 | LC_ALL=C sort -z | cpio -0 -o -H newc --reproducible -R 0:0 --quiet) |
        gzip -9n >"$2.new"
    mv "$2.new" "$2"
}

# finish_image NAME HASH CMDLINE: kernel, command line, and the stamp last, so that a broken run is done again.
finish_image() {
    cp --remove-destination "$KERNEL_DIR/vmlinuz" "$IMAGES/$1-kernel" # a running machine keeps the file it has open
    printf '%s\n' "$3" >"$IMAGES/$1-cmdline"
    printf '%s\n' "$2" >"$IMAGES/.$1.stamp"
    say "artifacts/images/$1-{kernel,initrd.img,cmdline}: kernel $(size_of "$1-kernel"), initrd $(size_of "$1-initrd.img")"
}

size_of() { du -h --apparent-size "$IMAGES/$1" | cut -f1; }
