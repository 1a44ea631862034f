using System.Runtime.InteropServices;

namespace Cloister.Enclave.Base;

/// <summary>
/// Time that goes on while the machine is suspended, and that no setting of a clock moves: CLOCK_BOOTTIME. .NET's own stands still meanwhile, and with
/// it a lease would. Timers are .NET's: who waits for a time looks every second. In SGX it is the host's, as every clock. Thread-safe.
/// Source: clock_gettime(2). secrets: none.
/// </summary>
public sealed unsafe partial class BootTime : TimeProvider
{
    /// <summary>The one there is.</summary>
    public static readonly BootTime Clock = new();

    private const int BootClock = 7;
    private const long Second = 1_000_000_000;

    private BootTime()
    {
    }

    /// <summary>Milliseconds since the machine started.</summary>
    public static long Milliseconds => Now() / 1_000_000;

    /// <inheritdoc/>
    public override long TimestampFrequency => Second;

    /// <inheritdoc/>
    public override long GetTimestamp() => Now();

    private static long Now()
    {
        Timespec time;
        return GetTime(BootClock, &time) == 0
            ? (time.Seconds * Second) + time.Nanoseconds
            : throw new InvalidOperationException("the kernel has no CLOCK_BOOTTIME");
    }

    [LibraryImport("libc", EntryPoint = "clock_gettime")]
    private static partial int GetTime(int clock, Timespec* time);

    // struct timespec of 64-bit Linux.
    [StructLayout(LayoutKind.Sequential)]
    private struct Timespec
    {
        internal long Seconds;
        internal long Nanoseconds;
    }
}
