#!/bin/sh
# Before removal, but not before an upgrade: the service stops. Its state and configuration stay.
set -e
if [ -d /run/systemd/system ] && { [ "$1" = remove ] || [ "$1" = 0 ]; }; then
  systemctl disable --now outflow.service
fi
