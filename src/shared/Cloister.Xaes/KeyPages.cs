using System.Runtime.InteropServices;

namespace Cloister.Xaes;

/// <summary>
/// Pages that hold keys: locked against swapping and left out of core dumps, as far as the system allows; they stay so. Source: mlock(2), madvise(2).
/// secrets: none pass through.
/// </summary>
internal static unsafe partial class KeyPages
{
    private const int AdviseDontDump = 16;

    private static readonly nuint PageSize = (nuint)Environment.SystemPageSize;

    /// <summary>An array of zeros in pinned memory on such pages.</summary>
    public static byte[] Allocate(int size)
    {
        byte[] array = GC.AllocateArray<byte>(size, pinned: true);
        nuint start = (nuint)(nint)Marshal.UnsafeAddrOfPinnedArrayElement(array, 0) / PageSize * PageSize;
        nuint end = (nuint)(nint)Marshal.UnsafeAddrOfPinnedArrayElement(array, 0) + (nuint)size;

        // What did not work is reported at the start of the process, for all of it.
        _ = Lock((void*)start, end - start);
        _ = Advise((void*)start, end - start, AdviseDontDump);
        return array;
    }

    [LibraryImport("libc", EntryPoint = "mlock", SetLastError = true)]
    private static partial int Lock(void* address, nuint length);

    [LibraryImport("libc", EntryPoint = "madvise", SetLastError = true)]
    private static partial int Advise(void* address, nuint length, int advice);
}
