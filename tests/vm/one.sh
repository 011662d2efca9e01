#!/bin/sh
# Runs one test in the virtual machine: /vm/one NAME. /vm/run.NAME is its command line.
set -eu
begin=$(cut -d. -f1 /proc/uptime)
status=0
sh "/vm/run.$1" </dev/null >"/vm/results/$1.log" 2>&1 || status=$?
echo "$status" >"/vm/results/$1.status"
echo "vm: $1: $status after $(($(cut -d. -f1 /proc/uptime) - begin)) s"
