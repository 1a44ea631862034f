using System.Runtime.InteropServices;

namespace Cloister.Enclave.Vm;

/// <summary>The calls of the kernel that an init needs and .NET does not have. Source: the manual page of each. secrets: none.</summary>
internal static unsafe partial class MachineCalls
{
    internal const int ReadWrite = 2;
    internal const int CloseOnExec = 0x80000;
    internal const uint Restart = 0x01234567;
    internal const int NoDevice = 19;

    internal const nuint NoSetUid = 2;
    internal const nuint NoDevices = 4;
    internal const nuint NoExecution = 8;

    private const nint LoadModuleFile = 313;

    [LibraryImport("libc", EntryPoint = "mount", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int Mount(string source, string target, string type, nuint flags, string? data);

    [LibraryImport("libc", EntryPoint = "umount2", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int Unmount(string target, int flags);

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int Open(string path, int flags);

    [LibraryImport("libc", EntryPoint = "close", SetLastError = true)]
    internal static partial int Close(int descriptor);

    [LibraryImport("libc", EntryPoint = "dup2", SetLastError = true)]
    internal static partial int Duplicate(int descriptor, int onto);

    [LibraryImport("libc", EntryPoint = "tcdrain", SetLastError = true)]
    internal static partial int Drain(int descriptor);

    [LibraryImport("libc", EntryPoint = "reboot", SetLastError = true)]
    internal static partial int Reboot(uint how);

    [LibraryImport("libc", EntryPoint = "socket", SetLastError = true)]
    internal static partial int Socket(int family, int type, int protocol);

    [LibraryImport("libc", EntryPoint = "ioctl", SetLastError = true)]
    internal static partial int Control(int descriptor, nuint code, void* argument);

    /// <summary><c>finit_module</c> of x86-64, which the C library has no name for.</summary>
    internal static int LoadModule(int descriptor) => (int)SystemCall(LoadModuleFile, descriptor, "", 0);

    [LibraryImport("libc", EntryPoint = "syscall", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial nint SystemCall(nint number, nint descriptor, string parameters, nint flags);
}
