using Cloister.Enclave.Tees.Devices;

namespace Cloister.Enclave.Tees.Vm;

/// <summary>What to do about refusals of configfs-tsm. secrets: none.</summary>
internal static class TsmAdvice
{
    /// <param name="refusal">What the kernel said.</param>
    /// <param name="module">The kernel's module of this TEE.</param>
    /// <param name="host">Who makes the evidence on the host.</param>
    internal static TeeException Explain(DeviceException refusal, string module, string host) => refusal switch
    {
        { IsPermission: true } => new TeeException(
            $"{refusal.Message}: run the enclave as root, or give its user write access to {TsmReports.Folder} (systemd: no ProtectKernelTunables, or ReadWritePaths={TsmReports.Folder})"),
        { Error: Errno.NotFound or Errno.NoSuchDevice or Errno.NotThisControl } => new TeeException(
            $"{refusal.Message}: mount configfs on /sys/kernel/config and load module {module} (modprobe {module}); the kernel has to be Linux 6.7 or later"),
        _ => new TeeException($"{refusal.Message}: {host}; see the kernel's log (dmesg)", isPassing: true),
    };
}
