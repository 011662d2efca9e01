#!/bin/sh
# The first process of the virtual machine of tests/vm/power_test.py, whose power goes. $moat_phase comes from the
# kernel's command line; the third disk is the one that stays.
set -eu
. /vm/host.sh

mkdir -p /srv
status=0
sh /vm/run.power "$moat_phase" || status=$?
echo "vm: $moat_phase ended with $status"
sleep 1
echo b >/proc/sysrq-trigger
