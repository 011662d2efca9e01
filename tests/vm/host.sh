# Sourced by the first process of the virtual machine: makes it a host with a pure cgroup v2 tree, as systemd lays
# it out. What is said goes to the console.
set -eu
export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root

mount -t devtmpfs dev /dev
exec </dev/null >/dev/ttyS0 2>&1
mkdir -p /dev/pts /dev/shm /run /tmp /var/tmp /var/cache /root /home
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devpts -o gid=5,mode=620 pts /dev/pts
mount -t tmpfs -o mode=1777 shm /dev/shm
mount -t tmpfs -o mode=755 run /run
ln -sf /proc/self/fd /dev/fd
for link in 0:stdin 1:stdout 2:stderr; do
  ln -sf "/proc/self/fd/${link%%:*}" "/dev/${link##*:}"
done
mount -t cgroup2 -o nsdelegate cgroup /sys/fs/cgroup
hostname vm
ip link set lo up
chown -R 0:0 /vm
# Secrets for attacks to look for.
(umask 077 && echo 'root:*:19000::::::' >/etc/shadow)
tr -d - </proc/sys/kernel/random/uuid >/etc/machine-id

# A log-in session of root's: the controllers end above it, and its processes are in it.
root=/sys/fs/cgroup
session=$root/user.slice/user-0.slice/session-1.scope
mkdir -p "$session"
for group in "$root" "$root/user.slice" "$root/user.slice/user-0.slice"; do
  echo '+cpu +cpuset +memory +pids' >"$group/cgroup.subtree_control"
done
echo $$ >"$session/cgroup.procs"
