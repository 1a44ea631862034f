using System.Runtime.InteropServices;

namespace Cloister.Enclave.Tees.Devices;

/// <summary>The kernel refused a call on a device. secrets: none.</summary>
internal sealed class DeviceException : Exception
{
    internal DeviceException(string path, int error)
        : base($"{path}: {Marshal.GetPInvokeErrorMessage(error)}")
    {
        Path = path;
        Error = error;
    }

    /// <summary>On which path.</summary>
    internal string Path { get; }

    /// <summary>See <see cref="Errno"/>.</summary>
    internal int Error { get; }

    /// <summary>Whether the same call can succeed in a moment.</summary>
    internal bool IsPassing => Error is Errno.Busy or Errno.Interrupted or Errno.TryAgain;

    /// <summary>Whether this process may not do that.</summary>
    internal bool IsPermission => Error is Errno.NoAccess or Errno.NotPermitted or Errno.ReadOnly;
}
