using System.Runtime.InteropServices;

namespace Cloister.Enclave.Base;

/// <summary>The calls of the C library that memory protection needs. secrets: none pass through.</summary>
internal static unsafe partial class LibC
{
    internal const int ProtNone = 0;
    internal const int ProtReadWrite = 3;
    internal const int MapPrivateAnonymous = 0x22;
    internal const int AdviseDontDump = 16;
    internal const int AdviseWipeOnFork = 18;
    internal const int LockCurrentAndFutureOnFault = 7;
    internal const int SetDumpable = 4;
    internal const int LimitCore = 4;
    internal const int LimitDescriptors = 7;
    internal const int LimitMemlock = 8;

    internal static readonly nint MapFailed = -1;

    [LibraryImport("libc", EntryPoint = "mmap", SetLastError = true)]
    internal static partial nint Map(nint address, nuint length, int protection, int flags, int descriptor, nint offset);

    [LibraryImport("libc", EntryPoint = "munmap", SetLastError = true)]
    internal static partial int Unmap(nint address, nuint length);

    [LibraryImport("libc", EntryPoint = "mprotect", SetLastError = true)]
    internal static partial int Protect(nint address, nuint length, int protection);

    [LibraryImport("libc", EntryPoint = "mlock", SetLastError = true)]
    internal static partial int Lock(nint address, nuint length);

    [LibraryImport("libc", EntryPoint = "mlockall", SetLastError = true)]
    internal static partial int LockAll(int flags);

    [LibraryImport("libc", EntryPoint = "madvise", SetLastError = true)]
    internal static partial int Advise(nint address, nuint length, int advice);

    [LibraryImport("libc", EntryPoint = "prctl", SetLastError = true)]
    internal static partial int ProcessControl(int option, nuint argument, nuint argument3, nuint argument4, nuint argument5);

    [LibraryImport("libc", EntryPoint = "setrlimit", SetLastError = true)]
    internal static partial int SetLimit(int resource, ResourceLimit* limit);

    [LibraryImport("libc", EntryPoint = "getrlimit", SetLastError = true)]
    internal static partial int GetLimit(int resource, ResourceLimit* limit);

    /// <summary><c>struct rlimit</c> of 64-bit Linux.</summary>
    [StructLayout(LayoutKind.Sequential)]
    internal struct ResourceLimit
    {
        internal ulong Current;
        internal ulong Maximum;
    }
}
