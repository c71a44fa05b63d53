#!/bin/sh
# After installation: the user of the service, its folders, and the configuration, which the user may read.
set -e
if ! getent passwd outflow > /dev/null; then
  if command -v systemd-sysusers > /dev/null; then
    systemd-sysusers outflow.conf
  else
    useradd --system --user-group --home-dir /var/lib/outflow --no-create-home --shell /usr/sbin/nologin outflow
  fi
fi
install -d -o outflow -g outflow -m 0700 /var/lib/outflow /var/lib/outflow/exports
chgrp outflow /etc/outflow /etc/outflow/outflow.yaml
if [ -d /run/systemd/system ]; then
  systemctl daemon-reload
  systemctl try-restart outflow.service # after an upgrade
fi
