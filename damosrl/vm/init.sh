#!/bin/busybox sh
# First program of the guest: file systems, modules, the host's files, then commands.
/bin/busybox --install -s /bin
export PATH=/bin
mkdir -p /proc /sys /dev /host /lower /exchange
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
mkdir -p /dev/shm /dev/pts
mount -t tmpfs tmpfs /dev/shm
mount -t devpts devpts /dev/pts
mount -t tracefs tracefs /sys/kernel/tracing
mount -t debugfs debugfs /sys/kernel/debug
mount -t cgroup2 cgroup2 /sys/fs/cgroup
while read -r module; do
    insmod "/modules/$module" || echo "module $module was not loaded"
done < /modules/list
mount -t virtiofs -o ro host /host
mount --bind /host /lower
for each in proc sys dev; do mount --rbind "/$each" "/host/$each"; done
for each in tmp run; do mount -t tmpfs tmpfs "/host/$each"; done
chmod 1777 /host/tmp
mkdir -p /host/tmp/home /host/tmp/exchange
mount -t virtiofs exchange /exchange
mount --bind /exchange /host/tmp/exchange
# folders of the host below /tmp that programs need; the tmpfs above hides them
while read -r folder; do
    mkdir -p "/host$folder"
    mount --bind "/lower$folder" "/host$folder"
done < /exchange/keep
ip link set lo up
cd /exchange

serve() {
    setsid chroot /host /bin/bash "/tmp/exchange/$1.run" > "$1.out" 2> "$1.err" < /dev/null
    echo $? > "$1.rc.tmp"
    mv "$1.rc.tmp" "$1.rc"
}

touch ready
while [ ! -e poweroff ]; do
    for file in *.cmd; do
        [ -e "$file" ] || continue
        id="${file%.cmd}"
        mv "$file" "$id.run"
        serve "$id" &
    done
    usleep 50000
done
rm -f ready
sync
poweroff -f
