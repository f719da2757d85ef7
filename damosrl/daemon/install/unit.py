"""The systemd unit: how the daemon starts, is watched, ends, and what it may touch."""

from damosrl.daemon.install.choices import Choices

UNIT = "usr/lib/systemd/system/damosrl.service"
SWITCHES = "etc/default/damosrl"
SETTINGS = "etc/damosrl/daemon.yaml"
WATCHDOG_S = 60
"""Above a kernel that hangs for ten seconds; the daemon asks for more if its interval is long."""
MEMORY_MAX = "160M"
"""Twice what the daemon takes at most."""


def unit_text(choices: Choices) -> str:
    """Return the unit file."""
    return "\n".join(
        (
            *_head(),
            "",
            *_service(choices),
            "",
            *_rights(choices),
            "",
            *_files(choices),
            "",
            *_network(choices),
            "",
            *SANDBOX,
            "",
            "[Install]",
            "WantedBy=multi-user.target",
            "",
        )
    )


def _head() -> tuple[str, ...]:
    return (
        "# Installed by `damosrl daemon install`. Change it by `systemctl edit damosrl`, so that",
        "# the next installation finds this file as it was.",
        "[Unit]",
        "Description=Tuner of DAMON-based memory operation schemes",
        "After=sys-kernel-tracing.mount local-fs.target",
        "StartLimitIntervalSec=10min",
        "StartLimitBurst=5",
    )


def _service(choices: Choices) -> tuple[str, ...]:
    program = choices.program
    arguments = "--state-dir /run/damosrl --log-dir /var/log/damosrl $DAMOSRL_OPTIONS"
    return (
        "[Service]",
        "Type=notify",
        "NotifyAccess=main",
        f"EnvironmentFile=/{SWITCHES}",
        f"ExecStart={program} daemon ${{DAMOSRL_BUNDLE}} --config /{SETTINGS} {arguments}",
        "# a new bundle is read and checked; a bad one leaves the old one at the wheel",
        "ExecReload=kill -HUP $MAINPID",
        "# after a crash: bring back what was found; after an orderly end there is nothing to do",
        f"ExecStopPost={program} doctor --restore --state-dir /run/damosrl",
        "# a step that does not end is ended by systemd, and the daemon started anew",
        f"WatchdogSec={WATCHDOG_S}",
        "TimeoutStopSec=30",
        "Restart=on-failure",
        "RestartSec=5",
        "KillMode=mixed",
        f"MemoryMax={MEMORY_MAX}",
        "# it works when memory is short: it must neither be paged out nor killed first",
        "MemoryLow=80M",
        "OOMScoreAdjust=-500",
        "TasksMax=16",
        "LimitNOFILE=256",
        "LimitCORE=0",
        "# one thread of the linear algebra is enough for a small network, and saves memory",
        "Environment=OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1",
        "Environment=PYTHONDONTWRITEBYTECODE=1 PYTHONNOUSERSITE=1",
    )


def _rights(choices: Choices) -> tuple[str, ...]:
    """Root owns the kernel's files and needs no capability for them; others need one."""
    capability = "" if choices.user == "root" else "CAP_DAC_OVERRIDE"
    return (
        f"User={choices.user}",
        f"CapabilityBoundingSet={capability}",
        f"AmbientCapabilities={capability}",
        "NoNewPrivileges=yes",
        "UMask=0077",
    )


def _files(choices: Choices) -> tuple[str, ...]:
    writable = ["-/sys/kernel/mm/damon", "-/sys/kernel/tracing/instances"]
    if choices.metrics_file is not None:
        writable.append(f"-{choices.metrics_file.parent}")
    return (
        "# the file system is read-only but for DAMON, the tracer's own instances, state and log",
        "ProtectSystem=strict",
        "ProtectKernelTunables=yes",
        *(f"ReadWritePaths={path}" for path in writable),
        "RuntimeDirectory=damosrl",
        "RuntimeDirectoryMode=0700",
        "# what was found before the first write outlives the daemon, for ExecStopPost",
        "RuntimeDirectoryPreserve=yes",
        "LogsDirectory=damosrl",
        "LogsDirectoryMode=0700",
        f"ProtectHome={'read-only' if choices.reads_homes else 'yes'}",
        "PrivateMounts=yes",
        "PrivateTmp=yes",
        "PrivateDevices=yes",
    )


def _network(choices: Choices) -> tuple[str, ...]:
    if choices.metrics_port is None:
        return (
            "# no network at all; install with --metrics PORT to be scraped on loopback",
            "PrivateNetwork=yes",
            "RestrictAddressFamilies=AF_UNIX",
            "IPAddressDeny=any",
        )
    return (
        f"# metrics at 127.0.0.1:{choices.metrics_port}, and nothing else",
        "RestrictAddressFamilies=AF_UNIX AF_INET",
        "IPAddressDeny=any",
        "IPAddressAllow=localhost",
        "SocketBindDeny=any",
        f"SocketBindAllow=ipv4:tcp:{choices.metrics_port}",
    )


SANDBOX = (
    "LockPersonality=yes",
    "MemoryDenyWriteExecute=yes",
    "ProtectClock=yes",
    "ProtectControlGroups=yes",
    "ProtectHostname=yes",
    "ProtectKernelLogs=yes",
    "ProtectKernelModules=yes",
    "RemoveIPC=yes",
    "RestrictNamespaces=yes",
    "RestrictRealtime=yes",
    "RestrictSUIDSGID=yes",
    "SystemCallArchitectures=native",
    "SystemCallFilter=@system-service",
    "SystemCallFilter=~@privileged @resources",
    "SystemCallErrorNumber=EPERM",
)
"""What no choice changes."""
