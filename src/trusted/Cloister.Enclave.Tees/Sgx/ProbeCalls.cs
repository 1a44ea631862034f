using System.Runtime.InteropServices;

namespace Cloister.Enclave.Tees.Sgx;

/// <summary>The calls of the C library behind <see cref="ProtectionProbe"/>, x86-64. secrets: none.</summary>
internal static unsafe partial class ProbeCalls
{
    internal const int SegmentationFault = 11;
    internal const int ProtectNone = 0;
    internal const int ProtectReadWrite = 3;
    internal const int MapPrivateAnonymous = 0x22;
    internal const int WithInformation = 4;

    /// <summary>Where siginfo_t has the address of a fault.</summary>
    internal const int FaultAddressAt = 16;

    [LibraryImport("libc", EntryPoint = "mmap", SetLastError = true)]
    internal static partial nint Map(nint address, nuint length, int protection, int flags, int descriptor, nint offset);

    [LibraryImport("libc", EntryPoint = "munmap", SetLastError = true)]
    internal static partial int Unmap(nint address, nuint length);

    [LibraryImport("libc", EntryPoint = "mprotect", SetLastError = true)]
    internal static partial int Protect(nint address, nuint length, int protection);

    [LibraryImport("libc", EntryPoint = "sigaction", SetLastError = true)]
    internal static partial int SetAction(int signal, SignalAction* action, SignalAction* old);

    /// <summary>Native code that touches memory, so that a fault happens outside managed code.</summary>
    [LibraryImport("libc", EntryPoint = "memset")]
    internal static partial nint Fill(nint address, int value, nuint length);

    /// <summary><c>struct sigaction</c> of glibc.</summary>
    [StructLayout(LayoutKind.Sequential)]
    internal struct SignalAction
    {
        internal nint Handler;
        internal fixed ulong Mask[16];
        internal int Flags;
        internal nint Restorer;
    }
}
